"""The SQL of guessing limits. Each change is one statement that decides by the row as it is then."""

from sqlalchemy import and_, bindparam, case, delete, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert  # SQLite's ON CONFLICT is the same, and compiles from this one

from coatcheck.database import MOMENT
from coatcheck.throttle.limits import CLOSED_AT, LAST_STEP, MOST_KNOWN, WAITS_FROM
from coatcheck.throttle.tables import budgets, guess_counts

ROWS_A_BITE = 500  # pruned in one statement: others write in between

_count = guess_counts.c
_now = bindparam("now", type_=MOMENT)
_this = _count.key == bindparam("row", type_=_count.key.type)

COUNTS = select(guess_counts).where(
    _count.key.in_([bindparam("others", type_=_count.key.type), bindparam("own", type_=_count.key.type)])
)

# A day without a failure, and the waits begin anew.
_paused = _count.failed_at < bindparam("forgiven", type_=MOMENT)
_steps = range(WAITS_FROM, LAST_STEP + 1)
_failed_once_more = {
    "failures": _count.failures + 1,
    "recent": case((_paused, 1), else_=_count.recent + 1),
    "admit_at": case(
        (_paused, null()),
        *((_count.recent + 1 == step, bindparam(f"after_{step}", type_=MOMENT)) for step in _steps),
        (_count.recent + 1 > LAST_STEP, bindparam(f"after_{LAST_STEP}", type_=MOMENT)),
        else_=null(),
    ),
    "failed_at": _now,
}

# Counted before the password is looked at: of a hundred at once, the first that waits nothing gets here.
ADMIT = (
    update(guess_counts)
    .where(_this, _count.failures < CLOSED_AT, or_(_count.admit_at.is_(None), _count.admit_at <= _now))
    .values(_failed_once_more)
    .returning(_count.failures)
)

ADD_FAILURE = (
    insert(guess_counts)
    .values(
        key=bindparam("row"),
        account_id=bindparam("account_id"),
        failures=1,
        recent=1,
        failed_at=_now,
    )
    .on_conflict_do_update(index_elements=[_count.key], set_=_failed_once_more)
)

# What was counted and then not looked at, unless somebody has counted since.
GIVE_BACK = (
    update(guess_counts)
    .where(_this, _count.failures == bindparam("counted"))
    .values(
        failures=_count.failures - 1,
        recent=case((_count.recent > 0, _count.recent - 1), else_=0),
        admit_at=bindparam("was", type_=MOMENT),
    )
)

_NOTHING = {"failures": 0, "recent": 0, "admit_at": null(), "failed_at": null()}
RESET = update(guess_counts).where(_this).values(_NOTHING)

REMEMBER = (
    insert(guess_counts)
    .values(key=bindparam("row"), account_id=bindparam("account_id"), known_at=_now, failures=0, recent=0)
    .on_conflict_do_update(index_elements=[_count.key], set_={"known_at": _now})
)
_known = and_(_count.account_id == bindparam("account_id"), _count.known_at.is_not(None))
KEEP_NEWEST = delete(guess_counts).where(
    _known,
    _count.key.not_in(
        select(_count.key).where(_known).order_by(_count.known_at.desc(), _count.key).limit(MOST_KNOWN)
    ),
)

FORGET_STRANGERS = delete(guess_counts).where(_this)
FORGET_KNOWN = update(guess_counts).where(_known).values(_NOTHING)

_budget = budgets.c
BUDGETS = select(budgets).where(
    _budget.key.in_([bindparam("first", type_=_budget.key.type), bindparam("second", type_=_budget.key.type)])
)
_moment = bindparam("at", type_=_budget.empty_at.type)
_interval = bindparam("interval", type_=_budget.empty_at.type)
SPEND = (
    insert(budgets)
    .values(key=bindparam("row"), empty_at=_moment + _interval)
    .on_conflict_do_update(
        index_elements=[_budget.key],
        set_={"empty_at": case((_budget.empty_at > _moment, _budget.empty_at), else_=_moment) + _interval},
    )
)

# A name that nobody has is kept a day; what is closed stays, with or without an account, so that nobody learns by
# waiting which it was.
_over = or_(
    and_(
        _count.account_id.is_(None),
        _count.failures < CLOSED_AT,
        _count.failed_at < bindparam("forgiven", type_=MOMENT),
    ),
    _count.known_at < bindparam("unknown_again", type_=MOMENT),
)
_empty = _budget.empty_at < _moment
ANY_COUNT_OVER = select(_count.key).where(_over).limit(1)
ANY_BUDGET_EMPTY = select(_budget.key).where(_empty).limit(1)
PRUNE_COUNTS = delete(guess_counts).where(
    _count.key.in_(
        select(_count.key).where(_over).limit(ROWS_A_BITE).with_for_update(skip_locked=True).scalar_subquery()
    )
)
PRUNE_BUDGETS = delete(budgets).where(
    _budget.key.in_(
        select(_budget.key).where(_empty).limit(ROWS_A_BITE).with_for_update(skip_locked=True).scalar_subquery()
    )
)
