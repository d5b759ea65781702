"""The second stage: (question, passages) -> scores. A leaf: no database, no other app."""
