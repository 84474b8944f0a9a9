"""How long an announcement may be, on either engine."""

# PostgreSQL takes less than 8,000 bytes: https://www.postgresql.org/docs/18/sql-notify.html
MESSAGE_BYTES = 7_900


def within_limits(message: str) -> None:
    """Raises ValueError: it is too long. On SQLite too, so that a test there tells what production would."""
    if len(message.encode()) > MESSAGE_BYTES:
        raise ValueError(
            f"an announcement has at most {MESSAGE_BYTES:,} bytes; announce an id and let others read the rest"
        )
