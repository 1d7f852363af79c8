"""What Regdex does in a second, each beside a bare counterpart measured in the same run."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # it tells of every process that is started
