/* SPDX-License-Identifier: MIT */
/*
 * Names: a path's way through directories, and the operations that make, remove
 * and move names. Each first finds out whether it may, then changes all in one operation of the journal; a
 * file whose last name goes is an orphan in that same operation and freed behind it. The volume's lock
 * is held.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/ext4/ext4_impl.h"
#include "rootpart/log.h"

/* A new inode and its group beside what adding a name changes; for a directory its first block. */
#define CREATE_BLOCKS (EXT4_DIR_BLOCKS + EXT4_ALLOC_BLOCKS + EXT4_EXTENT_BLOCKS + 8u)
#define REMOVE_BLOCKS (EXT4_ORPHAN_BLOCKS + 8u)
#define RENAME_BLOCKS (EXT4_DIR_BLOCKS + EXT4_ORPHAN_BLOCKS + 8u)

/* Where a path leads. */
struct spot {
	struct ext4_iref dir; /* a reference */
	const char *name;     /* the last part of the path; "": the root itself */
	size_t len;
	struct ext4_found found; /* ino 0: nothing is there */
};

static void spot_put(struct ext4 *fs, struct spot *s)
{
	if (s->dir.b != NULL)
		ext4_inode_put(fs, &s->dir);
}

/* An inode that has a name. */
static int named_get(struct ext4 *fs, u32 ino, struct ext4_iref *ref)
{
	int r = ext4_inode_get(fs, ino, ref);

	if (r == 0 && ref->i->links_count == 0) {
		ext4_inode_put(fs, ref);
		r = ext4_damaged(fs, "name of a removed inode", ino);
	}
	return r;
}

/* Goes on to the directory that was found. */
static int enter(struct ext4 *fs, struct spot *s, u32 avoid)
{
	u32 type;
	int r;

	if (s->found.ino == 0)
		return -ENOENT;
	if (s->found.ino == avoid)
		return -EINVAL;
	spot_put(fs, s);
	s->dir.b = NULL;
	r = named_get(fs, s->found.ino, &s->dir);
	if (r != 0) {
		s->dir.b = NULL;
		return r;
	}
	type = s->dir.i->mode & EXT4_S_IFMT;
	return type == EXT4_S_IFDIR ? 0 : type == EXT4_S_IFLNK ? -ELOOP : -ENOTDIR;
}

/* What s->dir has under s->name. Nothing but names leads to the root and to what is reserved. */
static int find_here(struct ext4 *fs, struct spot *s)
{
	int r = s->len <= EXT4_NAME_MAX ? ext4_dir_find(fs, &s->dir, s->name, s->len, &s->found)
					: -ENAMETOOLONG;

	if (r == 0 && s->found.ino < fs->first_ino)
		return ext4_damaged(fs, "name of a reserved inode", s->found.ino);
	if (r == -ENOENT)
		s->found.ino = 0;
	return r == -ENOENT ? 0 : r;
}

static size_t part_length(const char *path)
{
	size_t n = 0;

	while (path[n] != '\0' && path[n] != '/')
		n++;
	return n;
}

/* @s is to be put, also on errors. The way does not go through directory @avoid: -EINVAL. */
static int walk(struct ext4 *fs, const char *path, u32 avoid, struct spot *s)
{
	int r;

	*s = (struct spot){ .name = path, .found = { EXT4_ROOT_INO, EXT4_TYPE_DIR } };
	r = enter(fs, s, avoid);
	while (r == 0 && *path != '\0') {
		s->name = path;
		s->len = part_length(path);
		r = find_here(fs, s);
		path += s->len;
		if (r != 0 || *path == '\0')
			break;
		path++;
		r = enter(fs, s, avoid);
	}
	return r;
}

int ext4_look_up(struct ext4 *fs, const char *path, u32 *ino)
{
	struct spot s;
	int r = walk(fs, path, 0, &s);

	if (r == 0 && s.found.ino == 0)
		r = -ENOENT;
	*ino = s.found.ino;
	spot_put(fs, &s);
	return r;
}

static bool is_fixed(const struct ext4_iref *ref)
{
	return ref->i->flags & (EXT4_FL_IMMUTABLE | EXT4_FL_APPEND);
}

/*
 * Directories in @dir more or less: each has a link to it. Above EXT4_LINK_MAX the count is 1 and stays
 * so. The directory's time is now.
 */
static int link_count(struct ext4 *fs, struct ext4_iref *dir, int more)
{
	bool many = ext4_has_ro(fs, EXT4_RO_DIR_NLINK);
	int count = dir->i->links_count;
	int r = ext4_inode_change(fs, dir);

	if (r != 0)
		return r;
	if (!(many && count == 1))
		count += count + more >= 2 ? more : 0;
	if (count > (int)EXT4_LINK_MAX && !many)
		return -EMLINK;
	dir->i->links_count = (u16)(count > (int)EXT4_LINK_MAX ? 1 : count);
	ext4_inode_touch(fs, dir->i);
	ext4_inode_seal(fs, dir);
	return 0;
}

static int set_up(struct ext4 *fs, struct ext4_iref *ref, bool directory, u32 parent)
{
	int r = ext4_inode_change(fs, ref);

	if (r != 0)
		return r;
	ref->i->mode = (u16)(directory ? EXT4_S_IFDIR | 0755u : EXT4_S_IFREG | 0644u);
	ref->i->links_count = directory ? 2 : 1;
	ext4_inode_seal(fs, ref);
	return directory ? ext4_dir_make(fs, ref, parent) : 0;
}

/* In an operation. */
static int create_in(struct ext4 *fs, struct spot *s, bool directory, u32 *ino)
{
	struct ext4_iref ref;
	int r = ext4_inode_alloc(fs, s->dir.ino, directory, ino);

	if (r != 0)
		return r;
	r = ext4_inode_get(fs, *ino, &ref);
	if (r != 0)
		return r;
	r = set_up(fs, &ref, directory, s->dir.ino);
	ext4_inode_put(fs, &ref);
	if (r == 0)
		r = ext4_dir_add(fs, &s->dir, s->name, s->len, *ino,
			directory ? EXT4_TYPE_DIR : EXT4_TYPE_FILE);
	return r != 0 ? r : link_count(fs, &s->dir, directory ? 1 : 0);
}

static int create(struct ext4 *fs, struct spot *s, bool directory, u32 *ino)
{
	int r = ext4_begin(fs, CREATE_BLOCKS);

	return r != 0 ? r : ext4_end(fs, create_in(fs, s, directory, ino));
}

int ext4_create(struct ext4 *fs, const char *path, bool directory, u32 *ino)
{
	struct spot s;
	int r = walk(fs, path, 0, &s);

	if (r == 0 && s.found.ino != 0)
		r = -EEXIST;
	if (r == 0 && is_fixed(&s.dir))
		r = -EPERM;
	if (r == 0)
		r = create(fs, &s, directory, ino);
	if (r == -ENOSPC && ext4_blocks_retry(fs))
		r = create(fs, &s, directory, ino);
	spot_put(fs, &s);
	return r;
}

/* Whether the name may go. */
static int may_remove(struct ext4 *fs, const struct spot *s, const struct ext4_iref *ref)
{
	int r;

	if (is_fixed(&s->dir) || is_fixed(ref))
		return -EPERM;
	if (!ext4_is_dir(ref->i))
		return 0;
	r = ext4_dir_is_empty(fs, ref);
	return r == 0 ? -ENOTEMPTY : r == 1 ? 0 : r;
}

/* In an operation: one name less. */
static int drop_name(struct ext4 *fs, struct ext4_iref *ref)
{
	int r = ext4_inode_change(fs, ref);

	if (r != 0)
		return r;
	ref->i->links_count = ext4_is_dir(ref->i) ? 0 : (u16)(ref->i->links_count - 1);
	ref->i->ctime = ext4_now();
	ext4_inode_seal(fs, ref);
	if (ref->i->links_count == 0)
		r = ext4_orphan_add(fs, ref);
	return r;
}

/* Behind the operation: without names it lives as long as it is open. */
static void free_unnamed(struct ext4 *fs, const struct ext4_iref *ref)
{
	struct ext4_node *node = ext4_node_find(fs, ref->ino);
	int r;

	if (ref->i->links_count != 0)
		return;
	if (node != NULL) {
		node->removed = true;
		return;
	}
	r = ext4_file_free(fs, ref->ino);
	/* Its name has gone, whatever comes. The next mount finds the orphan. */
	if (r != 0)
		log_printf("ext4: inode %u is removed, and not free yet: error %d", ref->ino, -r);
}

/* In an operation. */
static int remove_from(struct ext4 *fs, struct spot *s, struct ext4_iref *ref)
{
	int r = ext4_dir_remove(fs, &s->dir, s->name, s->len);

	if (r == 0)
		r = link_count(fs, &s->dir, ext4_is_dir(ref->i) ? -1 : 0);
	return r != 0 ? r : drop_name(fs, ref);
}

/* True if somebody knows where its blocks lie. */
static bool is_mapped(struct ext4 *fs, const struct ext4_iref *ref)
{
	const struct ext4_node *node = ext4_node_find(fs, ref->ino);

	return node != NULL && node->maps > 0;
}

static int remove_spot(struct ext4 *fs, struct spot *s)
{
	struct ext4_iref ref;
	int r = s->found.ino != 0 ? named_get(fs, s->found.ino, &ref) : -ENOENT;

	if (r != 0)
		return r;
	r = is_mapped(fs, &ref) ? -EBUSY : may_remove(fs, s, &ref);
	if (r == 0)
		r = ext4_begin(fs, REMOVE_BLOCKS);
	if (r == 0)
		r = ext4_end(fs, remove_from(fs, s, &ref));
	if (r == 0)
		free_unnamed(fs, &ref);
	ext4_inode_put(fs, &ref);
	return r;
}

int ext4_remove(struct ext4 *fs, const char *path)
{
	struct spot s;
	int r = walk(fs, path, 0, &s);

	if (r == 0)
		r = remove_spot(fs, &s);
	spot_put(fs, &s);
	return r;
}

/* A move: names and inodes of both sides; old.b NULL: nothing is replaced. */
struct move {
	struct spot from, to;
	struct ext4_iref moved, old;
};

static int may_replace(struct ext4 *fs, const struct move *m)
{
	if (is_fixed(&m->from.dir) || is_fixed(&m->to.dir) || is_fixed(&m->moved))
		return -EPERM;
	if (m->old.b == NULL)
		return 0;
	if (ext4_is_dir(m->old.i) && !ext4_is_dir(m->moved.i))
		return -EISDIR;
	if (!ext4_is_dir(m->old.i) && ext4_is_dir(m->moved.i))
		return -ENOTDIR;
	if (is_mapped(fs, &m->old))
		return -EBUSY;
	return may_remove(fs, &m->to, &m->old);
}

static u8 type_of(const struct move *m)
{
	if (ext4_is_dir(m->moved.i))
		return EXT4_TYPE_DIR;
	return ext4_is_file(m->moved.i) ? EXT4_TYPE_FILE : m->from.found.type;
}

/* In an operation: the new name, instead of the one that is replaced, if any. */
static int name_anew(struct ext4 *fs, struct move *m)
{
	struct spot *to = &m->to;
	int r;

	if (m->old.b == NULL)
		return ext4_dir_add(fs, &to->dir, to->name, to->len, m->moved.ino, type_of(m));
	r = ext4_dir_set(fs, &to->dir, to->name, to->len, m->moved.ino, type_of(m));
	return r != 0 ? r : drop_name(fs, &m->old);
}

/* In an operation. */
static int move(struct ext4 *fs, struct move *m)
{
	bool up = ext4_is_dir(m->moved.i) && m->from.dir.ino != m->to.dir.ino;
	bool replaced = m->old.b != NULL && ext4_is_dir(m->old.i);
	int r = name_anew(fs, m);

	if (r == 0)
		r = ext4_dir_remove(fs, &m->from.dir, m->from.name, m->from.len);
	if (r == 0 && up) {
		r = ext4_dir_set(fs, &m->moved, "..", 2, m->to.dir.ino, EXT4_TYPE_DIR);
		if (r == -ENOENT)
			r = ext4_damaged(fs, "directory without parent", m->moved.ino);
	}
	if (r == 0)
		r = link_count(fs, &m->from.dir, up ? -1 : 0);
	return r != 0 ? r : link_count(fs, &m->to.dir, (up ? 1 : 0) - (replaced ? 1 : 0));
}

static int rename_allowed(struct ext4 *fs, struct move *m)
{
	int r = ext4_begin(fs, RENAME_BLOCKS);

	return r != 0 ? r : ext4_end(fs, move(fs, m));
}

static int rename_found(struct ext4 *fs, struct move *m)
{
	int r = may_replace(fs, m);

	if (r == 0)
		r = rename_allowed(fs, m);
	if (r == -ENOSPC && ext4_blocks_retry(fs))
		r = rename_allowed(fs, m);
	if (r == 0 && m->old.b != NULL)
		free_unnamed(fs, &m->old);
	return r;
}

/* Both ways are gone; what lies at their ends, if it is not one and the same. */
static int rename_walked(struct ext4 *fs, struct move *m)
{
	int r;

	if (m->from.found.ino == m->to.found.ino)
		return 0;
	r = named_get(fs, m->from.found.ino, &m->moved);
	if (r != 0)
		return r;
	if (m->to.found.ino != 0)
		r = named_get(fs, m->to.found.ino, &m->old);
	if (r == 0) {
		r = rename_found(fs, m);
		if (m->old.b != NULL)
			ext4_inode_put(fs, &m->old);
	}
	ext4_inode_put(fs, &m->moved);
	return r;
}

int ext4_rename(struct ext4 *fs, const char *from, const char *to)
{
	struct move m = { 0 };
	int r = walk(fs, from, 0, &m.from);

	if (r == 0 && m.from.found.ino == 0)
		r = -ENOENT;
	if (r == 0) {
		r = walk(fs, to, m.from.found.ino, &m.to);
		if (r == 0)
			r = rename_walked(fs, &m);
		spot_put(fs, &m.to);
	}
	spot_put(fs, &m.from);
	return r;
}
