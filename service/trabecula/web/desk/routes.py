"""Every page behind the door, with the permission it asks for."""

from __future__ import annotations

from trabecula.domain.access.roles import Permission
from trabecula.web.desk.guard import FIRST_PAGE, GuardedRoute
from trabecula.web.desk.pages import account, sign_in, study, study_actions, study_files

POST = ("POST",)

ROUTES: tuple[GuardedRoute, ...] = (
    GuardedRoute(path="/sign-out", handler=sign_in.sign_out, permission=None, methods=POST, with_a_first_password=True),
    GuardedRoute(path="/account", handler=account.show_account, permission=None),
    GuardedRoute(path=FIRST_PAGE, handler=account.show_password, permission=None, with_a_first_password=True),
    GuardedRoute(
        path=FIRST_PAGE, handler=account.take_password, permission=None, methods=POST, with_a_first_password=True
    ),
    GuardedRoute(path="/account/sessions/{number}/end", handler=account.end_own_session, permission=None, methods=POST),
    GuardedRoute(path="/account/tokens", handler=account.create_own_token, permission=None, methods=POST),
    GuardedRoute(
        path="/account/tokens/{number}/revoke", handler=account.revoke_own_token, permission=None, methods=POST
    ),
    GuardedRoute(path="/studies/{study_uid}", handler=study.show_study_page, permission=Permission.VIEW_STUDIES),
    GuardedRoute(
        path="/studies/{study_uid}/picture.png", handler=study_files.show_picture, permission=Permission.VIEW_STUDIES
    ),
    GuardedRoute(
        path="/studies/{study_uid}/report", handler=study_files.show_report, permission=Permission.VIEW_STUDIES
    ),
    GuardedRoute(
        path="/studies/{study_uid}/files/{file}", handler=study_files.download, permission=Permission.VIEW_STUDIES
    ),
    GuardedRoute(
        path="/studies/{study_uid}/reading",
        handler=study_actions.note_opinion,
        permission=Permission.READ_STUDIES,
        methods=POST,
    ),
    GuardedRoute(
        path="/studies/{study_uid}/levels",
        handler=study_actions.name_level,
        permission=Permission.READ_STUDIES,
        methods=POST,
    ),
    GuardedRoute(
        path="/studies/{study_uid}/release",
        handler=study_actions.release_from_quarantine,
        permission=Permission.RELEASE_QUARANTINE,
        methods=POST,
    ),
    GuardedRoute(
        path="/studies/{study_uid}/do/{action}",
        handler=study_actions.act_on_study,
        permission=Permission.OPERATE_STUDIES,
        methods=POST,
    ),
)
