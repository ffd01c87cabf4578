"""Values without a domain: text, instants, links, places, and the shape of recorded events."""
