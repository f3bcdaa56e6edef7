"""The stylesheet, the script and the icon: public, and kept by browsers for a year."""

from importlib.resources import files
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from chaoscloud.console.pages.security import secure


class _Kept(StaticFiles):
    """Static files under addresses that change with them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, not asked for again as long as its address is the same."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return secure(response, private=False)


static = GZipMiddleware(_Kept(directory=Path(str(files("chaoscloud.console"))) / "static"))
