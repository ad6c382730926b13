"""`pull`, `push`, `login`, `export` and `import`, as a person types them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
