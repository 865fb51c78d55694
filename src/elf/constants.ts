/**
 * Numbers from the specifications, each once.
 *
 * "gABI" is the System V Application Binary Interface, chapters 4 and 5 (https://gabi.xinuos.com); the GNU additions
 * are those of `elf.h` in glibc; machine-specific ones come from that machine's processor supplement (psABI).
 */

// gABI 4, ELF header: e_ident.
export const ELF_MAGIC = 0x7f454c46;
export const EI_CLASS = 4;
export const EI_DATA = 5;
export const EI_NIDENT = 16;
export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELFDATA2MSB = 2;

// gABI 4, ELF header: e_type.
export const ET_REL = 1;
export const ET_DYN = 3;

// gABI 4, ELF header: e_machine.
export const EM_386 = 3;
export const EM_PPC = 20;
export const EM_PPC64 = 21;
export const EM_S390 = 22;
export const EM_ARM = 40;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;
export const EM_RISCV = 243;
export const EM_BPF = 247;

/** e_phnum that means "the count is in section 0's sh_info". */
export const PN_XNUM = 0xffff;

// gABI 4, section header: special indexes.
export const SHN_UNDEF = 0;
export const SHN_LORESERVE = 0xff00;
export const SHN_ABS = 0xfff1;
export const SHN_COMMON = 0xfff2;
/** "The index is elsewhere": section 0's sh_link for e_shstrndx, SHT_SYMTAB_SHNDX for a symbol. */
export const SHN_XINDEX = 0xffff;

// gABI 4, section header: sh_type.
export const SHT_SYMTAB = 2;
export const SHT_RELA = 4;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
export const SHT_DYNSYM = 11;
export const SHT_SYMTAB_SHNDX = 18;
export const SHT_GNU_VERDEF = 0x6ffffffd;
export const SHT_GNU_VERNEED = 0x6ffffffe;
export const SHT_GNU_VERSYM = 0x6fffffff;

// gABI 4, section header: sh_flags.
export const SHF_ALLOC = 0x2;
export const SHF_EXECINSTR = 0x4;
export const SHF_COMPRESSED = 0x800;

// gABI 4, compressed sections: ch_type.
export const ELFCOMPRESS_ZLIB = 1;
export const ELFCOMPRESS_ZSTD = 2;

// gABI 5, program header: p_type and p_flags.
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_NOTE = 4;
export const PT_GNU_EH_FRAME = 0x6474e550;
export const PF_X = 1;

// gABI 4, symbol table: the low half of st_info (type) and its high half (bind).
export const STT_NOTYPE = 0;
export const STT_FUNC = 2;
export const STT_GNU_IFUNC = 10;
export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;
export const STB_GNU_UNIQUE = 10;

// gABI 5, dynamic section: d_tag.
export const DT_NULL = 0;
export const DT_HASH = 4;
export const DT_STRTAB = 5;
export const DT_SYMTAB = 6;
export const DT_STRSZ = 10;
export const DT_GNU_HASH = 0x6ffffef5;

/** Name and type of the note that holds the build ID (glibc elf.h). */
export const NOTE_NAME_GNU = "GNU";
export const NT_GNU_BUILD_ID = 3;

// Linux Standard Base 5, "DWARF Exception Header Encoding": the low half is the format, the high half the base.
export const DW_EH_PE_ABSPTR = 0x00;
export const DW_EH_PE_ULEB128 = 0x01;
export const DW_EH_PE_UDATA2 = 0x02;
export const DW_EH_PE_UDATA4 = 0x03;
export const DW_EH_PE_UDATA8 = 0x04;
export const DW_EH_PE_SLEB128 = 0x09;
export const DW_EH_PE_SDATA2 = 0x0a;
export const DW_EH_PE_SDATA4 = 0x0b;
export const DW_EH_PE_SDATA8 = 0x0c;
export const DW_EH_PE_PCREL = 0x10;
export const DW_EH_PE_DATAREL = 0x30;
