"""Watch what is stored: feed readings to detectors, keep their state, write what they find. See docs/findings.md.

series.py    one series: its detector and its open event (pure)
state.py     what is known of a device, and its packing (pure)
reading.py   which devices have news, and their readings
keeping.py   findings and states, written together
watcher.py   turns
silences.py  devices that fell silent                      peers.py   devices unlike the others
feedback.py  what people said, as a factor                 tidying.py what is kept no longer
"""
