/*
 * Has an allocator of its own, whose functions begin with instructions that the kernel does not emulate and that a probe
 * must not be placed behind, because they change an argument. Waits for a line on stdin.
 */
#include <stdio.h>

__asm__(".globl malloc, free\n"
	".type malloc, @function\n"
	".type free, @function\n"
	"malloc:\n"
	"	leaq 31(%rdi), %rdi\n"
	"	andq $-16, %rdi\n"
	"	leaq pool(%rip), %rax\n"
	"	addq used(%rip), %rax\n"
	"	addq %rdi, used(%rip)\n"
	"	ret\n"
	".size malloc, . - malloc\n"
	"free:\n"
	"	leaq -16(%rdi), %rdi\n"
	"	ret\n"
	".size free, . - free\n"
	".local pool, used\n"
	".comm pool, 1048576, 16\n"
	".comm used, 8, 8\n");

int main(void)
{
	puts("ready");
	fflush(stdout);
	getchar();
	return 0;
}
