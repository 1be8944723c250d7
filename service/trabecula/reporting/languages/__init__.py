"""What a reader sees, in six languages: one file of texts a language, and results' English sentences told in it.

A result keeps its sentences in English: they are what the ledger, JSON and commands show, and what a later release
must still be able to tell. An English sentence is therefore the key: ``en`` holds the pattern of each with its
placeholders, every other language the same keys. Codes, values and units are made elsewhere and are the same in all.
"""
