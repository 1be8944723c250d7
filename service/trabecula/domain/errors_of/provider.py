"""Why somebody who comes from an OpenID provider is not let in; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class ProviderUnavailable(TrabeculaError):
    """The sign-in of this hospital (OpenID provider) does not answer as it should."""

    code = "PROVIDER_UNAVAILABLE"
    next_step = "Try again; an administrator looks at oidc_issuer, the network and the provider's certificate."
    retryable = True


class ProviderRefused(TrabeculaError):
    """The OpenID provider did not let this person in."""

    code = "PROVIDER_REFUSED"
    next_step = "Start again at the sign-in page; an administrator finds the reason in the provider's log."


class ProviderAnswerInvalid(TrabeculaError):
    """What the OpenID provider says of this person cannot be believed."""

    code = "PROVIDER_ANSWER_INVALID"
    next_step = "Start again at the sign-in page; an administrator compares oidc_issuer and oidc_client_id, and clocks."


class ProviderRequestUnknown(TrabeculaError):
    """This sign-in was not begun in this browser, was used already, or took longer than 10 minutes."""

    code = "PROVIDER_REQUEST_UNKNOWN"
    next_step = "Start again at the sign-in page."


class ProviderRoleMissing(TrabeculaError):
    """The OpenID provider knows this person, and gives them no role here."""

    code = "PROVIDER_ROLE_MISSING"
    next_step = "Ask for a group or role that oidc_roles names; an administrator compares oidc_roles_claim with it."


class ProviderNameTaken(TrabeculaError):
    """Another account has the name under which the OpenID provider knows this person."""

    code = "PROVIDER_NAME_TAKEN"
    next_step = (
        "Have the provider send another name (oidc_name_claim says which claim it is); no account is taken over."
    )


class AccountDisabled(TrabeculaError):
    """The account is disabled."""

    code = "ACCOUNT_DISABLED"
    next_step = "Ask an administrator: `trabecula users enable NAME`."


class LocalAccountsOff(TrabeculaError):
    """Passwords of this service open nothing from here."""

    code = "LOCAL_ACCOUNTS_OFF"
    next_step = "Sign in through the provider; with a password only on the host itself (web_local_accounts)."


class ConnectionUnencrypted(TrabeculaError):
    """The connection is not encrypted."""

    code = "CONNECTION_UNENCRYPTED"
    next_step = "Use https; behind a proxy, name it in web_proxies and have it send X-Forwarded-Proto."
