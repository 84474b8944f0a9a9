"""FastAPI with nothing in it: what an answer costs before anybody has done anything.

Run by coatcheck's own `web.run`, so that uvicorn has the very same options. python benchmarks/_empty.py PORT
"""

import sys

from fastapi import FastAPI

from coatcheck import web

app = FastAPI()


@app.get("/")
async def empty() -> dict[str, str]:
    return {}


if __name__ == "__main__":
    web.run(app, host="127.0.0.1", port=int(sys.argv[1]), first_line="ready")
