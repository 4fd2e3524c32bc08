// First program of the guest: loads modules, opens the dm-verity root named by roothash= on the kernel command
// line, and hands over to systemd. It never boots anything else: every failure ends in one line on the console and
// a power-off. The root hash is the only trusted input; disks and the verity superblock come from the host, where
// wrong values can only make verification fail.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DISK_WAIT_MS 10000
#define CMDLINE_MAX 4096
#define TABLE_MAX 2048
#define SECTOR 512

// cryptsetup's verity superblock, version 1, little endian; 512 bytes at offset 0 of the hash device.
struct superblock {
	uint8_t signature[8];
	uint32_t version;
	uint32_t hash_type;
	uint8_t uuid[16];
	char algorithm[32];
	uint32_t data_block_size;
	uint32_t hash_block_size;
	uint64_t data_blocks;
	uint16_t salt_size;
	uint8_t pad1[6];
	uint8_t salt[256];
	uint8_t pad2[168];
} __attribute__((packed));
_Static_assert(sizeof(struct superblock) == 512, "verity superblock");

static void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("kata-cvm-init: ");
	vprintf(format, arguments);
	printf("\n");
	fflush(stdout);
	va_end(arguments);
}

static void refuse(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void refuse(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("\nkata-cvm-init: refused to boot: ");
	vprintf(format, arguments);
	printf("\n");
	fflush(stdout);
	va_end(arguments);
	sync();
	// The serial port drains on its own; without this pause QEMU may be gone before the line is out.
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	reboot(RB_POWER_OFF);
	_exit(1); // the kernel panics when its first process ends
}

static void mount_or_refuse(const char *source, const char *target, const char *type, unsigned long flags)
{
	mkdir(target, 0755);
	if (mount(source, target, type, flags, NULL) != 0 && errno != EBUSY)
		refuse("cannot mount %s on %s: %s", type ? type : source, target, strerror(errno));
}

// A missing module is fatal only for what depends on it, which then says so itself.
static void load_modules(const char *list)
{
	FILE *file = fopen(list, "re");
	char path[256];
	if (file == NULL)
		refuse("no module list %s in the initrd", list);
	while (fgets(path, sizeof path, file) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
			say("module %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		unlink(path); // the initrd's memory is not given back otherwise
	}
	fclose(file);
	unlink(list);
}

// Copies the value of the last NAME=VALUE word; later words win, as for systemd.
static int cmdline_value(const char *name, char *value, size_t size)
{
	char line[CMDLINE_MAX] = "";
	int found = 0, fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof line - 1) < 0)
		refuse("cannot read the kernel command line: %s", strerror(errno));
	close(fd);
	for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
		size_t length = strlen(name);
		if (strncmp(word, name, length) == 0 && word[length] == '=') {
			snprintf(value, size, "%s", word + length + 1);
			found = 1;
		}
	}
	return found;
}

static int find_disk(const char *serial, char *device, size_t size)
{
	DIR *directory = opendir("/sys/block");
	struct dirent *entry;
	int found = 0;
	while (directory != NULL && !found && (entry = readdir(directory)) != NULL) {
		char path[300], text[32] = "";
		snprintf(path, sizeof path, "/sys/block/%s/serial", entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, text, sizeof text - 1) > 0) {
			text[strcspn(text, "\n")] = '\0';
			found = strcmp(text, serial) == 0;
		}
		close(fd);
		if (found)
			snprintf(device, size, "/dev/%.50s", entry->d_name);
	}
	if (directory != NULL)
		closedir(directory);
	return found;
}

static void wait_for_disk(const char *serial, char *device, size_t size)
{
	for (int waited = 0; waited < DISK_WAIT_MS; waited += 10) {
		if (find_disk(serial, device, size) && access(device, R_OK) == 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	refuse("no virtio disk with serial \"%s\" appeared within %d s", serial, DISK_WAIT_MS / 1000);
}

static void read_superblock(const char *device, struct superblock *block)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, block, sizeof *block, 0) != sizeof *block)
		refuse("cannot read the verity superblock of %s: %s", device, strerror(errno));
	close(fd);
	if (memcmp(block->signature, "verity\0\0", 8) != 0 || block->version != 1)
		refuse("%s has no dm-verity superblock (disks swapped, or not built together?)", device);
	if (block->salt_size > sizeof block->salt || block->algorithm[31] != '\0' ||
	    strspn(block->algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(block->algorithm) ||
	    block->data_block_size < SECTOR || block->hash_block_size < SECTOR || block->data_blocks == 0)
		refuse("the verity superblock of %s is malformed", device);
}

static void hex(const uint8_t *bytes, size_t count, char *text)
{
	for (size_t i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
}

static void device_mapper(int control, unsigned long request, void *buffer, uint32_t flags, const char *what)
{
	struct dm_ioctl *header = buffer;
	header->version[0] = DM_VERSION_MAJOR;
	header->version[1] = 0;
	header->version[2] = 0;
	header->data_start = sizeof *header;
	header->flags = flags;
	strcpy(header->name, "root");
	if (ioctl(control, request, buffer) != 0)
		refuse("device mapper: %s: %s", what, strerror(errno));
}

struct verity {
	const char *data, *tree, *roothash;
	const struct superblock *block;
};

// Loads "SECTORS verity 1 DATA HASH …" (kernel admin guide, device-mapper/verity) and makes it live.
static void activate(int control, const struct verity *verity, const char *options)
{
	const struct superblock *block = verity->block;
	static union {
		struct dm_ioctl header;
		uint8_t bytes[sizeof(struct dm_ioctl) + sizeof(struct dm_target_spec) + TABLE_MAX];
	} buffer;
	char salt[2 * sizeof block->salt + 1] = "-";
	memset(&buffer, 0, sizeof buffer);
	buffer.header.data_size = sizeof buffer;
	buffer.header.target_count = 1;
	struct dm_target_spec *target = (void *)(buffer.bytes + sizeof buffer.header);
	target->length = block->data_blocks * (block->data_block_size / SECTOR);
	strcpy(target->target_type, "verity");
	if (block->salt_size > 0)
		hex(block->salt, block->salt_size, salt);
	uint64_t first = (sizeof *block + block->hash_block_size - 1) / block->hash_block_size;
	int length = snprintf((char *)(target + 1), TABLE_MAX, "%u %s %s %u %u %llu %llu %s %s %s%s", block->hash_type,
			      verity->data, verity->tree, block->data_block_size, block->hash_block_size,
			      (unsigned long long)block->data_blocks, (unsigned long long)first, block->algorithm,
			      verity->roothash, salt, options);
	if (length >= TABLE_MAX)
		refuse("the verity table is too long");
	device_mapper(control, DM_TABLE_LOAD, &buffer, DM_READONLY_FLAG, "load the verity table (bad root hash text?)");
	memset(&buffer, 0, sizeof buffer);
	buffer.header.data_size = sizeof buffer;
	device_mapper(control, DM_DEV_SUSPEND, &buffer, DM_READONLY_FLAG, "resume the verity device");
}

static void open_root(const struct verity *verity)
{
	struct dm_ioctl header = {.data_size = sizeof header};
	int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	char block[4096];
	if (control < 0)
		refuse("no device mapper: %s", strerror(errno));
	device_mapper(control, DM_DEV_CREATE, &header, DM_READONLY_FLAG, "create the root device");
	// First without the panic option: a wrong root hash then is a read error that can be explained.
	activate(control, verity, "");
	int fd = open("/dev/dm-0", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		refuse("/dev/dm-0: %s", strerror(errno));
	if (read(fd, block, sizeof block) != sizeof block)
		refuse("root hash mismatch: the root disk or its hash tree is not what the command line's roothash=%s names",
		       verity->roothash);
	close(fd);
	activate(control, verity, " 1 panic_on_corruption");
	close(control);
}

// Reads what the agent will map, while systemd starts: faulting it in later, 128 KiB at a time through verity, takes
// several times as long. A child that the next init reaps; nothing depends on it.
static void prefetch(const char *root, const char *list)
{
	char path[256], name[200];
	snprintf(path, sizeof path, "%s%s", root, list);
	FILE *file = fopen(path, "re");
	if (file == NULL || fork() != 0)
		return;
	while (fgets(name, sizeof name, file) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		snprintf(path, sizeof path, "%s%s", root, name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	}
	_exit(0);
}

static void switch_root(const char *root)
{
	static const char *const kept[] = {"/dev", "/proc", "/sys"};
	char target[64];
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		snprintf(target, sizeof target, "%s%s", root, kept[i]);
		if (mount(kept[i], target, NULL, MS_MOVE, NULL) != 0)
			refuse("cannot move %s into the root: %s", kept[i], strerror(errno));
	}
	unlink("/init");
	if (chdir(root) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
		refuse("cannot enter the root: %s", strerror(errno));
}

int main(void)
{
	char roothash[129] = "", data[64], tree[64];
	struct superblock block;
	mount_or_refuse("devtmpfs", "/dev", "devtmpfs", MS_NOSUID);
	mount_or_refuse("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	mount_or_refuse("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC);
	if (!cmdline_value("roothash", roothash, sizeof roothash))
		refuse("the kernel command line has no roothash=");
	load_modules("/modules");
	wait_for_disk("root", data, sizeof data);
	wait_for_disk("verity", tree, sizeof tree);
	read_superblock(tree, &block);
	open_root(&(struct verity){.data = data, .tree = tree, .roothash = roothash, .block = &block});
	mount_or_refuse("/dev/dm-0", "/sysroot", "erofs", MS_RDONLY);
	prefetch("/sysroot", "/usr/lib/kata-cvm/prefetch");
	switch_root("/sysroot");
	execl("/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd", (char *)NULL);
	refuse("cannot start systemd: %s", strerror(errno));
}
