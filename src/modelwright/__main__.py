"""`python -m modelwright` is the `modelwright` command."""

from modelwright.cli.main import main

main()
