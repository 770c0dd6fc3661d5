"""What the programs agree on: the words on the wire, who may send them where, and what is believed."""
