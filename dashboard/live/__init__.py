"""Live data for the sockets of one process: one listener, one state per model, frames that are encoded once.

announcements ─> listener ─> ModelState ─> hub, once a second ─> Frame ─> a Mailbox per socket ─> browser
                    database ─^ at the first subscription, after a loss, and every few seconds
"""
