"""Run ``python -m tools.lint [queries [migrations]]``, each a folder."""

from __future__ import annotations

import sys

from tools.lint import main

sys.exit(main(sys.argv[1:]))
