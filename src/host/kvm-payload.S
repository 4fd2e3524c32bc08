/* Source of the bytes in kvm-payload.ts; a unit test assembles it and compares.
 * From the reset vector through the modes that firmware and kernel go through, using x87, SSE,
 * paging, MSRs and CPUID on the way; 0x2a written to port 0xf4 says that all of it ran. */
.code16
start:
  cli
  cld
  xor %ax, %ax
  mov %ax, %ds
  mov %ax, %ss
  mov $0x7000, %sp
  fninit
  fld1
  fldpi
  faddp
  fstpl 0x500
  lgdtl %cs:(gdtr-start)
  mov %cr0, %eax
  or $1, %eax
  mov %eax, %cr0
  ljmpl $8, $(0xffff0000+protected-start)
.code32
protected:
  mov $16, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov $0x7000, %esp
  fninit
  fld1
  fstpl 0x508
  /* identity map of 4 GiB in 2 MiB pages, tables from 0x10000 */
  mov $0x10000, %edi
  xor %eax, %eax
  mov $0x1800, %ecx
  rep stosl
  movl $0x11003, 0x10000
  movl $0x12003, 0x11000
  movl $0x13003, 0x11008
  movl $0x14003, 0x11010
  movl $0x15003, 0x11018
  mov $0x12000, %edi
  mov $0x83, %eax
  mov $2048, %ecx
1:
  mov %eax, (%edi)
  add $0x200000, %eax
  add $8, %edi
  loop 1b
  mov %cr4, %eax
  or $0x620, %eax
  mov %eax, %cr4
  mov $0x10000, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  and $0xfffffffb, %eax
  or $0x80000002, %eax
  mov %eax, %cr0
  ljmp $24, $(0xffff0000+long-start)
.code64
long:
  fninit
  fldpi
  fstpl 0x510
  xorps %xmm0, %xmm0
  movups %xmm0, 0x520
  mov $1, %eax
  cpuid
  mov $0x2a, %al
  out %al, $0xf4
2:
  hlt
  jmp 2b
.align 8
# The accessed bits are set: setting one would write to this ROM, which some hypervisors never get past.
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff
  .quad 0x00cf93000000ffff
  .quad 0x00af9b000000ffff
gdtr:
  .word 31
  .long 0xffff0000+gdt-start
.org 0xfff0
.code16
  jmp start
.org 0x10000
