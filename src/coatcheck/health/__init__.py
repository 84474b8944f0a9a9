"""`/health`: the process is up. `/ready`: the database answers too (503 if not)."""
