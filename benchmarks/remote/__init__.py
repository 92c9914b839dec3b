"""`edge-bench --host`: measure on a board from here, over the system's ssh.

One ssh session carries everything. It starts Python on the board, which gets the
source of the agent, then the files; its answers, progress and the record come back
the same way. So a board needs sshd and Python with venv, no scp, sftp or tar, and
the user's keys are asked for once.
"""
