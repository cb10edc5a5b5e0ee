/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cst_cli_main(argc, argv);
}
