"""The contract tests read X's files when they are loaded, so without them they are not even collected."""

import os

collect_ignore = [] if os.environ.get("X_CONTRACT_DIR") else ["test_contract.py"]
