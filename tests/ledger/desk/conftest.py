from tests.databases import database_url, embedded_database_url

__all__ = ["database_url", "embedded_database_url"]
