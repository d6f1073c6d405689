package main

import (
	"debug/elf"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ABI describes the programs that a variant may have: a row of abis.json. The provider, which verifies
// published images, has the same table (providers/skycoin/elf.py).
type ABI struct {
	Machine string `json:"machine"`
	Bits    int    `json:"bits"`
	// HardFloat is true if floating-point registers may carry arguments.
	HardFloat bool `json:"hard_float"`
	// HardFloatBase is true if they may in static programs of a base, which call no other code.
	HardFloatBase bool `json:"hard_float_base"`
	// CPUs are the allowed values of Tag_CPU_arch; empty if the architecture has no such attribute.
	CPUs []uint64 `json:"cpus"`
	// IfuncLibraries are the names (DT_SONAME) of libraries that may have code for other CPUs, if they choose
	// their functions at run time.
	IfuncLibraries []string `json:"ifunc_libraries"`
	// GOARM is the highest value that a Go program may be compiled for.
	GOARM int `json:"goarm"`
}

//go:embed abis.json
var table []byte

const (
	hardFloat        = 0x400 // e_flags of ARM: EF_ARM_ABI_FLOAT_HARD
	armAttributes    = ".ARM.attributes"
	tagFile          = 1
	tagCPURawName    = 4
	tagCPUName       = 5
	tagCPUArch       = 6
	tagCompatibility = 32
)

// abiOf returns the row of a platform; buildx writes linux/arm64/v8 without its variant.
func abiOf(platform string) (ABI, error) {
	rows := map[string]ABI{}
	if err := json.Unmarshal(table, &rows); err != nil {
		return ABI{}, err
	}
	if platform == "linux/arm64" {
		platform += "/v8"
	}
	if row, known := rows[platform]; known {
		return row, nil
	}
	names := make([]string, 0, len(rows))
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	return ABI{}, fmt.Errorf("platform: %q is not in the table; allowed are %s", platform, strings.Join(names, ", "))
}

// headerFault describes what the platform does not allow in a file's header and attributes; "" if nothing.
func headerFault(file *elf.File, flags uint32, platform string, abi ABI, inBase bool) string {
	bits := map[elf.Class]int{elf.ELFCLASS32: 32, elf.ELFCLASS64: 64}[file.Class]
	if file.Machine.String() != abi.Machine || bits != abi.Bits {
		return fmt.Sprintf("is %s, %d bit; %s takes %s, %d bit", file.Machine, bits, platform, abi.Machine, abi.Bits)
	}
	if file.Machine != elf.EM_ARM {
		return ""
	}
	if flags&hardFloat != 0 && !abi.HardFloat && !(inBase && abi.HardFloatBase) {
		return fmt.Sprintf("passes floats in registers (hard-float ABI); %s takes the soft-float ABI", platform)
	}
	cpu, known, err := cpuArch(file)
	if err != nil {
		return fmt.Sprintf("has build attributes that can't be read: %v", err)
	}
	if known && !slices.Contains(abi.CPUs, cpu) && !choosesAtRunTime(file, abi) {
		allowed := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(abi.CPUs)), ", "), "[]")
		return fmt.Sprintf("is for Tag_CPU_arch %d; %s takes %s", cpu, platform, allowed)
	}
	return ""
}

// choosesAtRunTime reports whether a file is a library that has code for other CPUs, and uses it on those only.
func choosesAtRunTime(file *elf.File, abi ABI) bool {
	names, err := file.DynString(elf.DT_SONAME)
	if err != nil || len(names) != 1 || !slices.Contains(abi.IfuncLibraries, names[0]) {
		return false
	}
	symbols, err := file.DynamicSymbols()
	return err == nil && slices.ContainsFunc(symbols, func(symbol elf.Symbol) bool {
		return elf.ST_TYPE(symbol.Info) == elf.STT_GNU_IFUNC
	})
}

// cpuArch returns Tag_CPU_arch of the whole file (ARM IHI 0045, "Addenda to, and errata in, the ABI").
func cpuArch(file *elf.File) (uint64, bool, error) {
	section := file.Section(armAttributes)
	if section == nil {
		return 0, false, nil
	}
	data, err := section.Data()
	if err != nil {
		return 0, false, err
	}
	if len(data) < 1 || data[0] != 'A' {
		return 0, false, fmt.Errorf("version %q", data[:min(1, len(data))])
	}
	for rest := data[1:]; len(rest) > 4; {
		size := int(binary.LittleEndian.Uint32(rest))
		if size < 5 || size > len(rest) {
			return 0, false, fmt.Errorf("a part of %d bytes in %d", size, len(rest))
		}
		vendor, part, _ := strings.Cut(string(rest[4:size]), "\x00")
		if vendor == "aeabi" {
			return cpuArchOf([]byte(part))
		}
		rest = rest[size:]
	}
	return 0, false, nil
}

// cpuArchOf reads the attributes of the whole file, which are pairs of a tag and a value.
func cpuArchOf(part []byte) (uint64, bool, error) {
	if len(part) < 5 || part[0] != tagFile {
		return 0, false, nil
	}
	size := int(binary.LittleEndian.Uint32(part[1:]))
	if size < 5 || size > len(part) {
		return 0, false, fmt.Errorf("a part of %d bytes in %d", size, len(part))
	}
	for rest := part[5:size]; len(rest) > 0; {
		tag, read := binary.Uvarint(rest)
		if read <= 0 {
			return 0, false, fmt.Errorf("a tag that does not end")
		}
		rest = rest[read:]
		text := tag == tagCPURawName || tag == tagCPUName || tag > tagCompatibility && tag%2 == 1
		if !text {
			value, read := binary.Uvarint(rest)
			if read <= 0 {
				return 0, false, fmt.Errorf("a value that does not end")
			}
			if tag == tagCPUArch {
				return value, true, nil
			}
			rest = rest[read:]
		}
		if text || tag == tagCompatibility {
			_, after, ended := strings.Cut(string(rest), "\x00")
			if !ended {
				return 0, false, fmt.Errorf("a text that does not end")
			}
			rest = []byte(after)
		}
	}
	return 0, false, nil
}
