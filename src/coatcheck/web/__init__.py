"""The border to HTTP: how requests come in and refusals go out. No feature, no kernel, no SQL.

Problem documents (RFC 9457), `Route` (the token before the body, strict JSON, worded mistakes), bearer
tokens (RFC 6750), the pages' cookies and whose page sent them (`Cookies`, `refuse_cross_site`), request ids
and the request log, who may call (`Site`), who calls (`Proxies`), CORS, offline `/docs`, and `run`.

What can happen here: TooLarge (413), WrongMediaType (415), Misdirected (421), TwoCredentials, TwoCookies
(400), CrossSiteRequest (403).
"""

from coatcheck.web.bearer import BearerScheme, Credential, NoCredentials, TwoCredentials, credential
from coatcheck.web.before_body import before_body
from coatcheck.web.carrying import Carried, Carrying, carried
from coatcheck.web.client import Client, Proxies
from coatcheck.web.cookies import Cookies, TwoCookies
from coatcheck.web.cors import Cors
from coatcheck.web.cross_site import CrossSiteRequest, refuse_cross_site
from coatcheck.web.docs import offline_docs
from coatcheck.web.importing import import_application
from coatcheck.web.leaving import while_there
from coatcheck.web.neighbours import (
    answer_problems_in_mounted_apps,
    applications,
    check_prefix,
    refuse_taken_paths,
)
from coatcheck.web.openapi import problem_responses
from coatcheck.web.problem_document import answer_problem, problem_details
from coatcheck.web.request_log import request_log
from coatcheck.web.route import Route
from coatcheck.web.serve import run
from coatcheck.web.site import Misdirected, Site, any_host
from coatcheck.web.unguarded import refuse_unguarded

__all__ = [
    "BearerScheme",
    "Carried",
    "Carrying",
    "Client",
    "Cookies",
    "Cors",
    "Credential",
    "CrossSiteRequest",
    "Misdirected",
    "NoCredentials",
    "Proxies",
    "Route",
    "Site",
    "TwoCookies",
    "TwoCredentials",
    "answer_problem",
    "answer_problems_in_mounted_apps",
    "any_host",
    "applications",
    "before_body",
    "carried",
    "check_prefix",
    "credential",
    "import_application",
    "offline_docs",
    "problem_details",
    "problem_responses",
    "refuse_cross_site",
    "refuse_taken_paths",
    "refuse_unguarded",
    "request_log",
    "run",
    "while_there",
]
