// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor: why a module that is built is not loaded. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define SIG_ENFORCE	"/sys/module/module/parameters/sig_enforce"
#define LOCKDOWN	"/sys/kernel/security/lockdown"
#define EFI		"/sys/firmware/efi"
#define SIG_TRAILER	"~Module signature appended~\n"
#define OWN_KEY		"/root/aclipc.key"
#define OWN_CERT	"/root/aclipc.der"

static const struct {
	const char *key, *cert;
} load_keys[] = {
	{ "/var/lib/shim-signed/mok/MOK.priv",	/* Ubuntu's DKMS signs with it */
	  "/var/lib/shim-signed/mok/MOK.der" },
	{ "/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub" },
	{ OWN_KEY, OWN_CERT },
};

/* Index of the keys that this machine has, or -1. */
static int load_find_keys(void)
{
	size_t i;

	for (i = 0; i < sizeof(load_keys) / sizeof(load_keys[0]); i++)
		if (!access(load_keys[i].cert, F_OK))
			return (int)i;
	return -1;
}

/* Why this kernel takes signed modules only; NULL: it takes all. */
static const char *load_enforced(void)
{
	char text[128];

	if (text_read_file(LOCKDOWN, text, sizeof(text)) > 0 &&
	    !strstr(text, "[none]"))
		return "the kernel is locked down, as Secure Boot does it";
	if (text_read_file(SIG_ENFORCE, text, sizeof(text)) > 0 &&
	    text[0] == 'Y')
		return "module.sig_enforce is set";
	return NULL;
}

/* Compressed: kmod has to look into it. */
static bool load_signed_kmod(void)
{
	FILE *f = popen("/sbin/modinfo -F sig_id aclipc 2>/dev/null", "r");
	bool is_signed;

	if (!f)
		return false;
	is_signed = fgetc(f) != EOF;
	pclose(f);
	return is_signed;
}

static bool load_signed(const char *path)
{
	char end[sizeof(SIG_TRAILER)] = "";
	struct stat st;
	int fd;

	if (!strstr(path, ".ko") || strcmp(strstr(path, ".ko"), ".ko"))
		return load_signed_kmod();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size >= (off_t)sizeof(end) &&
	    pread(fd, end, sizeof(end) - 1,
		  st.st_size - (off_t)sizeof(end) + 1) < 0)
		end[0] = 0;
	close(fd);
	return !strcmp(end, SIG_TRAILER);
}

/* How the kernel learns to trust the key of @cert. */
static char *load_fix_trust(const char *cert)
{
	if (access(EFI, F_OK))
		return text_format("this machine has no EFI, its kernel trusts only the keys that it was built with: sign with one of them, or boot without module.sig_enforce and lockdown");
	return text_format("mokutil --import %s; reboot and confirm the key; modprobe aclipc",
			   cert);
}

/* DKMS signs what it builds if there is openssl. */
static char *load_fix_dkms(const char *release, const char *trust)
{
	return text_format("%sdkms build --force aclipc/" ACLIPC_VERSION " -k %s && dkms install --force aclipc/" ACLIPC_VERSION " -k %s; %s",
			   access("/usr/bin/openssl", X_OK) ?
			   "install openssl; " : "", release, release, trust);
}

static char *load_fix_sign(const char *release, const char *path, int keys,
			   const char *trust)
{
	const char *key = keys < 0 ? OWN_KEY : load_keys[keys].key;
	const char *cert = keys < 0 ? OWN_CERT : load_keys[keys].cert;

	return text_format("%s/lib/modules/%s/build/scripts/sign-file sha256 %s %s %s && %s",
			   keys < 0 ? "openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=aclipc -outform DER -keyout " OWN_KEY " -out " OWN_CERT " && " : "",
			   release, key, cert, path, trust);
}

static void load_report_unsigned(struct report *r, const char *release,
				 const char *path, const char *why)
{
	bool dkms = strstr(path, "/dkms/");
	int keys = load_find_keys();
	char *trust;

	if (keys < 0 && dkms)
		keys = 1;
	trust = load_fix_trust(keys < 0 ? OWN_CERT : load_keys[keys].cert);
	report(r, CHECK_FAIL, "module",
	       text_format("the module is built but not signed, and this kernel takes signed modules only (%s)",
			   why),
	       dkms ? load_fix_dkms(release, trust) :
	       load_fix_sign(release, path, keys, trust));
	free(trust);
}

#define LOAD_REBUILD	"dkms build --force aclipc/" ACLIPC_VERSION " -k $(uname -r) && dkms install --force aclipc/" ACLIPC_VERSION " -k $(uname -r) (without DKMS: make clean && make && make install); modprobe aclipc"

/* What the kernel says of a module that it refuses. */
static const struct {
	const char *text;
	const char *what;
	const char *fix;
} load_refusals[] = {
	{ "module with unavailable key is rejected",
	  "it is signed with a key that this kernel does not trust", NULL },
	/* locked down, that is all it says; an unsigned one was found before */
	{ "unsigned module loading is restricted",
	  "it is signed with a key that this kernel does not trust", NULL },
	{ "failed to validate module [aclipc] BTF",
	  "its type information (BTF) is of another kernel",
	  LOAD_REBUILD },
	{ "aclipc: version magic", "it was built for another kernel",
	  LOAD_REBUILD },
	{ "aclipc: disagrees about version of symbol",
	  "it was built with the headers of another kernel",
	  "install the headers of exactly this kernel, build it anew; then modprobe aclipc" },
	{ "aclipc: Unknown symbol",
	  "this kernel lacks a function that the module needs",
	  "build it anew with the headers of exactly this kernel" },
};

/* Index of the last refusal in the kernel log; -1: none, or it is closed. */
static int load_last_refusal(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int last = -1;
	char line[8192];
	ssize_t n;
	size_t i;

	/* EPIPE: older lines were overwritten, the next read goes on */
	while (fd >= 0 && ((n = read(fd, line, sizeof(line) - 1)) > 0 ||
			   (n < 0 && errno == EPIPE))) {
		line[n < 0 ? 0 : n] = 0;
		for (i = 0; i < sizeof(load_refusals) /
				sizeof(load_refusals[0]); i++)
			if (strstr(line, load_refusals[i].text))
				last = (int)i;
	}
	if (fd >= 0)
		close(fd);
	return last;
}

static char *load_fix_refusal(int refusal)
{
	int keys = load_find_keys();

	if (load_refusals[refusal].fix)
		return text_format("%s", load_refusals[refusal].fix);
	return load_fix_trust(keys < 0 ? "CERTIFICATE" : load_keys[keys].cert);
}

/* @path, printable, is the module that modprobe would take for @release. */
void doctor_not_loaded(struct report *r, const char *release, const char *path)
{
	const char *enforced = load_enforced();
	int refusal;

	if (enforced && !load_signed(path)) {
		load_report_unsigned(r, release, path, enforced);
		return;
	}
	refusal = load_last_refusal();
	if (refusal >= 0)
		report(r, CHECK_FAIL, "module",
		       text_format("the kernel has refused the module: %s",
				   load_refusals[refusal].what),
		       load_fix_refusal(refusal));
	else
		report(r, CHECK_FAIL, "module",
		       text_format("the module is built for %s but not loaded",
				   release),
		       text_format("modprobe aclipc%s", geteuid() ?
				   "; if that fails, aclipc doctor as root says why" :
				   ""));
}
