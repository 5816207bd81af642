"""Places: one file per environment, each declaring `SCENE`. Files that begin with an underscore help them."""
