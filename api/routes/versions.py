"""Going back to an older version of the batch views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.errors import Refused, Unknown
from api.routes.parameters import PREFIX
from api.security.roles import access
from contracts.errors import MalformedRecord
from contracts.files import locked
from contracts.views import CURRENT_FILE, current_version, point_to, read_manifest

if TYPE_CHECKING:
    from pathlib import Path as Folder


class RolledBack(BaseModel):
    """The pointer was moved; the projector serves the version within moments."""

    published: int = Field(description="the version that CURRENT names now")
    before: int | None


def version_routes(views: Folder) -> APIRouter:
    """Make the routes; `views` is the folder of the published versions."""
    routes = APIRouter(prefix=f"{PREFIX}/views", tags=["pipeline"])

    def kept(version: int) -> None:
        try:
            read_manifest(views, version)
        except MalformedRecord as error:
            raise Unknown(f"version {version} is not kept; /v1/views lists those that are") from error

    @routes.post("/{version}/rollback", summary="Serve another version of the batch views")
    @access("admin")
    def rollback(version: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> RolledBack:
        """Point to a version that is still kept, forward or back; the next batch run publishes a new one."""
        kept(version)
        try:
            with locked(views / CURRENT_FILE):
                kept(version)  # it may have been collected meanwhile
                before = current_version(views)
                point_to(views, version)
        except OSError as error:
            raise Refused(
                f"{views} cannot be written by the API ({error.strerror}); use `cold-path views rollback`"
            ) from error
        return RolledBack(published=version, before=before)

    return routes
