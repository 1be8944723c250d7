"""Signing in through an OpenID provider: authorization code flow with PKCE.

Sources: OpenID Connect Core 1.0, RFC 7636, RFC 9700.

``discovery.py`` knows the provider's addresses and keys, ``id_token.py`` believes what it signed and nothing else,
``mapping.py`` makes a name and roles of claims, ``coming_in.py`` holds the use cases. The libraries are loaded at the
first sign-in, so that an installation without a provider pays nothing.
"""
