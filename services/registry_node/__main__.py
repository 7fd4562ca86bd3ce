"""`python -m registry_node FOLDER`."""

import sys

from registry_node.main import main

sys.exit(main())
