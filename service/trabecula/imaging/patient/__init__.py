"""Whom images are of: identity, sex and age as every image states them, and whether a study speaks of one person.

Facts of two people must never mix in one report, so a contradiction is found here, before anything is measured.
Spelling is no contradiction; another birth date, sex or issuer of the ID is.
"""
