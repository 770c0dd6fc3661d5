"""Alerts to other systems as signed webhooks: a process of its own, so that no receiver can delay the store."""
