"use strict";

const docs = document.getElementById("docs");

Redoc.init(docs.dataset.openapi, { disableSearch: false, hideDownloadButton: false }, docs);
