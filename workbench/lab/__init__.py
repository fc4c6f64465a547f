"""A small live shop on this machine, to load, watch, tune and watch again.

Three services, each a process of its own on 127.0.0.1: gateway → orders → payments. One YAML file sets them
all and is read again when it changes (`shop`). A visit is limited, queued, worked and passed on as
`workbench.network` says, so that a twin of it can be compared with the real thing (`visit`). The load
generator is open loop and measures from the intended send time (`load`).

    from workbench.lab.lifecycle import up

    with up("runs/lab") as lab:
        print(lab.load([(60, 30)]).text)
"""
