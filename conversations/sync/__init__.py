"""X's pages -> the tables: what is read when, how far, at what price, and how it stands."""

from conversations.sync.history import read_history
from conversations.sync.importing import begin_import, make_missing_states, resume_import
from conversations.sync.opening import look_up_conversation
from conversations.sync.polling import poll
from conversations.sync.status import account_status
from conversations.sync.store import store_page
from conversations.sync.trouble import has_credit, stop_all_for_credit
from conversations.sync.unfinished_days import read_day

__all__ = [
    "account_status",
    "begin_import",
    "has_credit",
    "look_up_conversation",
    "make_missing_states",
    "poll",
    "read_day",
    "read_history",
    "resume_import",
    "stop_all_for_credit",
    "store_page",
]
