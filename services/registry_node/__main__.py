"""`python -m registry_node FOLDER`."""

import gc
import sys

gc.disable()  # to look for garbage in what is just loaded costs a seventh of the start

from registry_node.main import main  # noqa: E402

gc.enable()
sys.exit(main())
