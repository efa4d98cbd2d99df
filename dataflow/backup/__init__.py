"""Backups of the database: one sealed file, made while everything runs, and the way back.

container   the file: a ZIP archive that says itself whether it is whole
manifest    what is in it, so that a restore can prove that nothing is missing
survey      what a database holds: its tables, partitions, indexes and rows
snapshot    one moment of the database, held for as long as it takes to write it down
programs    pg_dump and pg_restore of a version that fits, wherever they are installed
dumping, copying, definitions   two ways to write a database down and to build it again: those programs, or COPY
target      the database that a backup goes into
buffers     what the buffers held then and hold now: what a restore means for the books
making, restoring   all of it in order, for the commands `backup` and `restore`
"""
