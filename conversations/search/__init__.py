"""Searching all that was said: the words of the messages, an index of them on either database, and what is asked of it.

index.py writes the index; query.py reads what a person typed, names.py finds whom they mean; candidates.py gets from
either database the rows that may be meant, and finding.py decides, by `conversations/words.py` alone.
"""
