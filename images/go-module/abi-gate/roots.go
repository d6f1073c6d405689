package main

import (
	"os"
	"path/filepath"
	"strings"
)

// libraryFolders are those that Debian's dynamic linkers search without a cache; each may have a triplet.
var libraryFolders = []string{"/lib", "/usr/lib", "/lib64", "/usr/lib64"}

// layers are the roots that make up the image: the base, and the folders that are copied onto it.
func (gate *Gate) layers() []string {
	if gate.base == "" {
		return gate.roots
	}
	return append([]string{gate.base}, gate.roots...)
}

// has reports whether the image has a file at that path.
func (gate *Gate) has(path string) bool {
	for _, root := range gate.layers() {
		if _, there := resolve(root, path, 0); there {
			return true
		}
	}
	return false
}

// hasLibrary reports whether a dynamic linker finds a library; a name with a slash is a path.
func (gate *Gate) hasLibrary(name string) bool {
	if strings.Contains(name, "/") {
		return gate.has(name)
	}
	for _, root := range gate.layers() {
		for _, folder := range libraryFolders {
			if holds(root, folder, name) {
				return true
			}
		}
	}
	return false
}

func holds(root, folder, name string) bool {
	if _, there := resolve(root, folder+"/"+name, 0); there {
		return true
	}
	real, there := resolve(root, folder, 0)
	if !there {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(root, real))
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if strings.Contains(entry.Name(), "-linux-gnu") {
			if _, there := resolve(root, folder+"/"+entry.Name()+"/"+name, 0); there {
				return true
			}
		}
	}
	return false
}

// resolve follows links as in the image: an absolute link starts at the image's root, not at the root of
// the building machine.
func resolve(root, path string, depth int) (string, bool) {
	const tooMany = 40
	walked, parts := "/", strings.Split(strings.Trim(filepath.Clean("/"+path), "/"), "/")
	for index, part := range parts {
		walked = filepath.Join(walked, part)
		found, err := os.Lstat(filepath.Join(root, walked))
		if err != nil {
			return "", false
		}
		if found.Mode()&os.ModeSymlink == 0 {
			continue
		}
		target, err := os.Readlink(filepath.Join(root, walked))
		if err != nil || depth == tooMany {
			return "", false
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(walked), target)
		}
		return resolve(root, filepath.Join(append([]string{target}, parts[index+1:]...)...), depth+1)
	}
	return walked, true
}
