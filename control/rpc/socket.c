/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket file and who is at the other end. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "rpc_int.h"

#define MAX_GROUPS 1024

static dev_t own_dev;
static ino_t own_ino;

/* 0: nothing there (any more); else why the path cannot be used. */
static int clear_path(const struct sockaddr_un *addr, struct cst_err *e)
{
	struct stat st;
	int fd, ret;

	if (lstat(addr->sun_path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return cst_err(e, -errno, NULL, "%s: %s", addr->sun_path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return cst_err(e, -EEXIST, NULL, "%s exists and is not a socket: remove it",
			       addr->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cst_err(e, -errno, NULL, "socket: %s", strerror(errno));
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	close(fd);
	/* EAGAIN: alive, its queue of connections is full. */
	if (ret == 0 || ret == EAGAIN)
		return cst_err(e, -EADDRINUSE, NULL,
			       "%s: another coastd answers there: stop it, or choose another "
			       "socket with -s",
			       addr->sun_path);
	if (ret != ECONNREFUSED)
		return cst_err(e, -ret, NULL, "%s: %s", addr->sun_path, strerror(ret));
	LOG_INFO("%s: left by a coastd that is gone, removed", addr->sun_path);
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return cst_err(e, -errno, NULL, "%s: %s", addr->sun_path, strerror(errno));
	return 0;
}

static void give_to_group(const struct cst_rpc_conf *conf)
{
	struct group *gr = conf->group[0] != '\0' ? getgrnam(conf->group) : NULL;

	if (conf->group[0] != '\0' && gr == NULL)
		LOG_NOTICE("group %s does not exist: only root%s may change things", conf->group,
			   geteuid() != 0 ? " and coastd's own user" : "");
	else if (gr != NULL && chown(conf->path, (uid_t)-1, gr->gr_gid) < 0)
		LOG_NOTICE("%s: cannot be given to group %s: %s", conf->path, conf->group,
			   strerror(errno));
}

int rpc_socket_open(const struct cst_rpc_conf *conf, struct cst_err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, ret;

	if (strnlen(conf->path, sizeof(conf->path)) >= sizeof(addr.sun_path))
		return cst_err(e, -ENAMETOOLONG, NULL, "the socket's path is too long");
	memcpy(addr.sun_path, conf->path, sizeof(conf->path));
	ret = clear_path(&addr, e);
	if (ret < 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cst_err(e, -errno, NULL, "socket: %s", strerror(errno));
	mask = umask(0177); /* nobody gets in before mode and group are right */
	ret = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	ret = ret < 0 ? -errno : 0;
	umask(mask);
	if (ret == 0) {
		give_to_group(conf);
		if (chmod(conf->path, conf->mode) < 0 || listen(fd, 64) < 0 ||
		    lstat(conf->path, &st) < 0)
			ret = -errno;
	}
	if (ret < 0) {
		close(fd);
		return cst_err(e, ret, NULL, "%s: %s%s", conf->path, strerror(-ret),
			       ret == -ENOENT   ? ": its directory does not exist"
			       : ret == -EACCES ? ": start as root, or choose a socket with -s"
						: "");
	}
	own_dev = st.st_dev;
	own_ino = st.st_ino;
	return fd;
}

void rpc_socket_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_dev == own_dev && st.st_ino == own_ino)
		unlink(path);
}

/* The peer's supplementary groups as its process has them; older kernels: as the system's
 * database has them. */
static bool has_group(int fd, uid_t uid, gid_t primary, gid_t wanted)
{
	gid_t groups[MAX_GROUPS];
	socklen_t len = sizeof(groups);
	struct passwd *pw;
	int n;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		n = (int)(len / sizeof(*groups));
	} else {
		pw = errno == ENOPROTOOPT ? getpwuid(uid) : NULL;
		n = MAX_GROUPS;
		if (pw == NULL || getgrouplist(pw->pw_name, primary, groups, &n) < 0)
			return false;
	}
	for (int i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static bool is_owner(const struct ucred *cred)
{
	return cred->uid == 0 || cred->uid == geteuid();
}

bool rpc_peer_is_owner(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && is_owner(&cred);
}

bool rpc_peer_may_write(int fd, const char *group)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct group *gr;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	if (is_owner(&cred))
		return true;
	gr = group[0] != '\0' ? getgrnam(group) : NULL;
	if (gr == NULL)
		return false;
	return cred.gid == gr->gr_gid || has_group(fd, cred.uid, cred.gid, gr->gr_gid);
}
