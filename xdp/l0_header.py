#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compile one L0 header alone for BPF: a C file is written that includes nothing else and calls every
inline function of it, so that code is really generated (a function that nobody calls is parsed only).

    l0_header.py CLANG HEADER ALL_L0_HEADERS...
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SIGNATURE = re.compile(
    r'^static inline\s+(?:__attribute__\(\([^\n]*?\)\)\s*)?'
    r'(?P<ret>[\w\s]+?[\s*]+)(?P<name>\w+)\((?P<params>[^)]*)\)\s*(?:/\*[^\n]*?\*/\s*)?\{', re.M)


def wrapper(ret, name, params):
    """Arguments and result go through memory: BPF passes no more than five in registers."""
    params = [' '.join(p.split()) for p in params.split(',')]
    params = [] if params == ['void'] else params
    names = [re.search(r'(\w+)(?:\[\d*\])?$', p).group(1) for p in params]
    ret = ' '.join(ret.split())
    members = [re.sub(r'(\w+)\[\d*\]$', r'*\1', p) + ';' for p in params]
    if ret != 'void':
        members.append(f'{ret} ret_;')
    call = f'{name}({", ".join("a_->" + n for n in names)});'
    return (f'struct args_{name} {{ {" ".join(members) or "char none_;"} }};\n'
            f'void use_{name}(struct args_{name} *a_)\n'
            f'{{\n\t{"a_->ret_ = " if ret != "void" else ""}{call}\n}}\n')


def main():
    clang, header, every = sys.argv[1], sys.argv[2], sys.argv[3:]
    if not shutil.which(clang):
        print('SKIP: no clang, which compiles for BPF')
        sys.exit(77)
    with open(header, encoding='utf-8') as f:
        text = f.read()
    found = [m.groupdict() for m in SIGNATURE.finditer(text)]
    declared = len(re.findall(r'^static inline', text, re.M))
    if len(found) != declared:
        print(f'{header}: {declared} inline functions, but {len(found)} understood')
        sys.exit(1)
    includes = [f'-I{d}' for d in sorted({os.path.dirname(h) for h in every})]
    with tempfile.TemporaryDirectory() as tmp:
        source, obj = os.path.join(tmp, 'use.c'), os.path.join(tmp, 'use.o')
        with open(source, 'w', encoding='utf-8') as f:
            f.write(f'#include "{os.path.abspath(header)}"\n'
                    + '\n'.join(wrapper(**m) for m in found))
        # freestanding: clang's own stdint.h, no libc behind it
        done = subprocess.run([clang, '-target', 'bpf', '-ffreestanding', '-std=gnu11', '-O2', '-g',
                               '-Wall', '-Werror', *includes, '-c', source, '-o', obj], check=False)
        if done.returncode == 0 and os.path.getsize(obj) == 0:
            print(f'{header}: empty object')
            sys.exit(1)
        print(f'{os.path.basename(header)}: {len(found)} functions')
        sys.exit(1 if done.returncode else 0)


main()
