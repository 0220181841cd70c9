"""A bridge between a Telegram chat and a cao server; see README.md."""
