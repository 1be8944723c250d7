"""Why somebody is not let in, or may not do something; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import ConfigurationInvalid, TrabeculaError


class SignInRefused(TrabeculaError):
    """Name and password do not belong together."""

    code = "SIGN_IN_REFUSED"
    next_step = "Try again; an administrator sets a new password with `trabecula users reset-password NAME`."


class SignInPaused(TrabeculaError):
    """Too many failed attempts to sign in."""

    code = "SIGN_IN_PAUSED"
    next_step = "Wait 15 minutes, or ask an administrator: `trabecula users unlock NAME`."


class NotSignedIn(TrabeculaError):
    """Nobody is signed in."""

    code = "NOT_SIGNED_IN"
    next_step = "Sign in, or show an API token: `Authorization: Bearer TOKEN`."


class TokenRefused(TrabeculaError):
    """The API token is unknown, expired or revoked."""

    code = "TOKEN_REFUSED"
    next_step = "Make a new one with `trabecula tokens create`."


class PermissionMissing(TrabeculaError):
    """The account, or its token, may not do this."""

    code = "PERMISSION_MISSING"
    next_step = "Ask an administrator for a role that holds it: `trabecula users grant NAME ROLE[@SITE]`."


class RequestForged(TrabeculaError):
    """The request did not come from a page of this service."""

    code = "REQUEST_FORGED"
    next_step = "Load the page again and repeat it there; behind a proxy, name it in web_proxies."


class PasswordTooWeak(TrabeculaError):
    """The password is too weak."""

    code = "PASSWORD_TOO_WEAK"
    next_step = "Take at least 12 characters, for instance four words that do not belong together."


class AccountNameInvalid(TrabeculaError):
    """This cannot be the name of an account."""

    code = "ACCOUNT_NAME_INVALID"
    next_step = "Use up to 64 letters, digits, dots, hyphens, underscores or @, beginning with a letter or digit."


class AccountExists(TrabeculaError):
    """An account of this name exists already."""

    code = "ACCOUNT_EXISTS"
    next_step = "Choose another name, or change that account: `trabecula users list`."


class AccountUnknown(TrabeculaError):
    """No account has this name."""

    code = "ACCOUNT_UNKNOWN"
    next_step = "`trabecula users list` shows all of them."


class LastAdministrator(TrabeculaError):
    """Nobody would be left who may manage users."""

    code = "LAST_ADMINISTRATOR"
    next_step = "Make another account an administrator first: `trabecula users grant NAME admin`."


class TokenUnknown(TrabeculaError):
    """There is no such token."""

    code = "TOKEN_UNKNOWN"
    next_step = "`trabecula tokens list` shows all of them."


class SessionUnknown(TrabeculaError):
    """There is no such session."""

    code = "SESSION_UNKNOWN"
    next_step = "It may have ended already; load the list again."


class ScopeUnknown(TrabeculaError):
    """There is no such role or scope."""

    code = "SCOPE_UNKNOWN"
    next_step = "`trabecula tokens create --help` lists the scopes, `trabecula users create --help` the roles."


class ChoiceInvalid(TrabeculaError):
    """A form or a parameter holds what cannot be chosen."""

    code = "CHOICE_INVALID"
    next_step = "Load the page again and choose there; /openapi.json lists what the API takes."


class ExaminationFailed(TrabeculaError):
    """The doctor gave no answer."""

    code = "EXAMINATION_FAILED"
    next_step = "Run `trabecula doctor --quick` on that host."


class DeskExposed(ConfigurationInvalid):
    """The desk would answer other hosts without encryption."""

    code = "DESK_EXPOSED"
    next_step = (
        "Set web_tls_certificate and web_tls_key, or name the proxies that encrypt in web_proxies, or set web_host to "
        "127.0.0.1; web_pages = false leaves health and metrics alone there."
    )
