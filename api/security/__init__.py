"""Who may ask what: keys, roles, how often; and a log of every change."""
