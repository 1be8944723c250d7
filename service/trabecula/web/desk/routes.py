"""Every page behind the door, with the permission it asks for."""

from __future__ import annotations

from trabecula.domain.access.roles import Permission
from trabecula.web.desk.guard import FIRST_PAGE, GuardedRoute
from trabecula.web.desk.pages import (
    account,
    administration,
    audit,
    bulk,
    models,
    overview,
    references,
    sign_in,
    studies,
    study,
    study_actions,
    study_files,
    users,
)

POST = ("POST",)

ROUTES: tuple[GuardedRoute, ...] = (
    GuardedRoute(path="/", handler=overview.show_overview, permission=Permission.VIEW_STUDIES),
    GuardedRoute(path="/studies", handler=studies.show_studies, permission=Permission.VIEW_STUDIES),
    GuardedRoute(
        path="/studies/{study_uid}/tags",
        handler=study_actions.add_study_tag,
        permission=Permission.OPERATE_STUDIES,
        methods=POST,
    ),
    GuardedRoute(
        path="/studies/{study_uid}/tags/remove",
        handler=study_actions.remove_study_tag,
        permission=Permission.OPERATE_STUDIES,
        methods=POST,
    ),
    GuardedRoute(path="/models", handler=models.show_models, permission=Permission.VIEW_MODELS),
    GuardedRoute(
        path="/models/roll-back", handler=models.roll_models_back, permission=Permission.ACTIVATE_MODELS, methods=POST
    ),
    GuardedRoute(path="/models/{model_id}", handler=models.show_model, permission=Permission.VIEW_MODELS),
    GuardedRoute(
        path="/models/{model_id}/role",
        handler=models.give_model_role,
        permission=Permission.ACTIVATE_MODELS,
        methods=POST,
    ),
    GuardedRoute(path="/sign-out", handler=sign_in.sign_out, permission=None, methods=POST, with_a_first_password=True),
    GuardedRoute(path="/account", handler=account.show_account, permission=None, in_person=True),
    GuardedRoute(
        path=FIRST_PAGE, handler=account.show_password, permission=None, in_person=True, with_a_first_password=True
    ),
    GuardedRoute(
        path=FIRST_PAGE,
        handler=account.take_password,
        permission=None,
        in_person=True,
        methods=POST,
        with_a_first_password=True,
    ),
    GuardedRoute(
        path="/account/sessions/{number}/end",
        handler=account.end_own_session,
        permission=None,
        in_person=True,
        methods=POST,
    ),
    GuardedRoute(
        path="/account/tokens", handler=account.create_own_token, permission=None, in_person=True, methods=POST
    ),
    GuardedRoute(
        path="/account/tokens/{number}/revoke",
        handler=account.revoke_own_token,
        permission=None,
        in_person=True,
        methods=POST,
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
    GuardedRoute(
        path="/administration", handler=administration.show_destinations, permission=Permission.VIEW_OPERATION
    ),
    GuardedRoute(
        path="/administration/destinations/{name}/{action}",
        handler=administration.act_on_destination,
        permission=Permission.EDIT_DESTINATIONS,
        methods=POST,
    ),
    GuardedRoute(
        path="/administration/settings", handler=administration.show_settings, permission=Permission.VIEW_OPERATION
    ),
    GuardedRoute(
        path="/administration/doctor", handler=administration.show_doctor, permission=Permission.VIEW_OPERATION
    ),
    GuardedRoute(
        path="/administration/doctor",
        handler=administration.examine,
        permission=Permission.VIEW_OPERATION,
        methods=POST,
    ),
    GuardedRoute(path="/administration/users", handler=users.show_users, permission=Permission.MANAGE_USERS),
    GuardedRoute(
        path="/administration/users",
        handler=users.create_user,
        permission=Permission.MANAGE_USERS,
        methods=POST,
        in_person=True,
    ),
    GuardedRoute(
        path="/administration/users/{name}/{action}",
        handler=users.change_user,
        permission=Permission.MANAGE_USERS,
        methods=POST,
        in_person=True,
    ),
    GuardedRoute(
        path="/administration/sessions/{number}/end",
        handler=users.end_any_session,
        permission=Permission.MANAGE_USERS,
        methods=POST,
    ),
    GuardedRoute(
        path="/administration/tokens/{number}/revoke",
        handler=users.revoke_any_token,
        permission=Permission.MANAGE_USERS,
        methods=POST,
    ),
    GuardedRoute(path="/administration/audit", handler=audit.show_audit, permission=Permission.VIEW_AUDIT),
    GuardedRoute(path="/bulk", handler=bulk.show_all, permission=Permission.OPERATE_STUDIES),
    GuardedRoute(path="/bulk", handler=bulk.begin, permission=Permission.OPERATE_STUDIES, methods=POST),
    GuardedRoute(path="/bulk/{number}", handler=bulk.show, permission=Permission.OPERATE_STUDIES),
    GuardedRoute(path="/bulk/{number}/stop", handler=bulk.stop, permission=Permission.OPERATE_STUDIES, methods=POST),
    GuardedRoute(path="/references", handler=references.show_references, permission=Permission.IMPORT_REFERENCES),
    GuardedRoute(
        path="/references", handler=references.take_references, permission=Permission.IMPORT_REFERENCES, methods=POST
    ),
    GuardedRoute(
        path="/references/preview",
        handler=references.preview_references,
        permission=Permission.IMPORT_REFERENCES,
        methods=POST,
    ),
)
