#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""echo.py serve ADDRESS PORT                      sends back each datagram that it gets
echo.py load FROM TO PORT COUNT SIZE [SECONDS]   COUNT datagrams of SIZE bytes, that far apart;
                                                 prints how many came back within half a second"""
import socket
import sys
import time


def serve(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                       socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((address, int(port)))
        print("ready", flush=True)
        while True:
            data, peer = s.recvfrom(65536)
            s.sendto(data, peer)


def load(source, to, port, count, size, gap="0"):
    back = 0
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((source, 0))
        for _ in range(int(count)):
            s.sendto(bytes(int(size)), (to, int(port)))
            time.sleep(float(gap))
        s.settimeout(0.5)
        try:
            while s.recv(65536):
                back += 1
        except TimeoutError:
            pass
    print(back)


{"serve": serve, "load": load}[sys.argv[1]](*sys.argv[2:])
