"""`python -m registry_node FOLDER`."""

import gc
import os
import sys

gc.disable()  # to look for garbage in what is just loaded costs a seventh of the start
# No package that happens to be installed is looked for to see, or change, what content is checked.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from registry_node.main import main  # noqa: E402

gc.enable()
sys.exit(main())
