"""What people were told, and messages on their way: tables, rows, and the figures of a day."""
