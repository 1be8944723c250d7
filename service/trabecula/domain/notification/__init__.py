"""Who is told of what: troubles that a person should know of, when they are news, and in which words.

Pure rules over figures; nothing here knows of any patient.
"""
