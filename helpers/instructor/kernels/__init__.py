"""Jupyter kernels for code that nobody trusts: forked from a warm process, shut in a box.

    client ── asks ──▶ zygote (torch, matplotlib and ipykernel imported once)
                         └─ fork ▶ keeper: watches memory, processes and time from outside
                                     └─ fork ▶ the kernel: own namespaces, no network, no privileges

system      the few system calls that Python lacks
seccomp     the filter of system calls
limits      what a box may use
box         shuts the calling process in
keeper      watches a box from outside, and ends it
cgroup      a memory limit of the Linux kernel's own for each box, where one may be set
preload     what the warm process imports
zygote      the warm process
launch      what it does in a fork: the keeper, and in it the kernel
warm        starts and finds the warm process
provisioners  what jupyter_client calls: "warm-box" and "bwrap-box"
choose      which of them works on this machine, and why not

Nothing here imports an oracle: a forked kernel inherits the memory of the warm process.
"""
