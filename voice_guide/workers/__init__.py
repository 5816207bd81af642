"""The voice service's three processes: ears listen, the mind thinks, the mouth speaks. `main` of each."""
