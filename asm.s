	.file	"<string>"
	.section	.rodata.cst32,"aM",@progbits,32
	.p2align	5, 0x0
.LCPI0_0:
	.quad	0
	.quad	1
	.quad	2
	.quad	3
.LCPI0_3:
	.long	0
	.long	2
	.long	4
	.long	6
	.long	8
	.long	10
	.long	12
	.long	14
.LCPI0_4:
	.long	1
	.long	3
	.long	5
	.long	7
	.long	9
	.long	11
	.long	13
	.long	15
	.section	.rodata.cst8,"aM",@progbits,8
	.p2align	3, 0x0
.LCPI0_1:
	.quad	16
.LCPI0_2:
	.quad	4
.LCPI0_8:
	.quad	0x3fe0000000000000
.LCPI0_9:
	.quad	0x8000000000000000
.LCPI0_10:
	.quad	0x3ff0000000000000
.LCPI0_11:
	.quad	0x4034000000000000
.LCPI0_12:
	.quad	0xc034000000000000
	.section	.rodata.cst4,"aM",@progbits,4
	.p2align	2, 0x0
.LCPI0_5:
	.long	0x7fffffff
.LCPI0_6:
	.long	0x0da24260
.LCPI0_7:
	.long	0x80000000
	.section	.rodata,"a",@progbits
	.p2align	6, 0x0
.LCPI0_13:
	.long	0
	.long	8
	.long	1
	.long	9
	.long	2
	.long	10
	.long	3
	.long	11
	.long	4
	.long	12
	.long	5
	.long	13
	.long	6
	.long	14
	.long	7
	.long	15
	.section	.ltext,"axl",@progbits
	.globl	_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29
	.p2align	4
	.type	_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,@function
_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	pushq	%r15
	.cfi_def_cfa_offset 24
	pushq	%r14
	.cfi_def_cfa_offset 32
	pushq	%r13
	.cfi_def_cfa_offset 40
	pushq	%r12
	.cfi_def_cfa_offset 48
	pushq	%rbx
	.cfi_def_cfa_offset 56
	subq	$504, %rsp
	.cfi_def_cfa_offset 560
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	vmovdqa	%xmm3, 112(%rsp)
	vmovdqa	%xmm2, 96(%rsp)
	vmovdqa	%xmm1, 80(%rsp)
	vmovdqa	%xmm0, 64(%rsp)
	movq	%r9, 304(%rsp)
	movq	%r8, 296(%rsp)
	movq	%rcx, 288(%rsp)
	movq	%rsi, 8(%rsp)
	movq	%rdi, 240(%rsp)
	movq	864(%rsp), %r13
	movq	848(%rsp), %rbp
	movq	752(%rsp), %r12
	movq	640(%rsp), %r14
	movq	584(%rsp), %rbx
	movq	$0, 328(%rsp)
	movq	$0, 320(%rsp)
	movabsq	$NRT_incref, %r15
	movq	%rdx, 144(%rsp)
	movq	%rdx, %rdi
	callq	*%r15
	movq	%rbx, %rdi
	callq	*%r15
	movq	%r14, %rdi
	callq	*%r15
	movq	696(%rsp), %rdi
	callq	*%r15
	movq	%r12, %rdi
	callq	*%r15
	movq	%r13, %rdi
	callq	*%r15
	movq	808(%rsp), %rdi
	callq	*%r15
	testq	%rbp, %rbp
	jle	.LBB0_1
	cmpq	$4, %rbp
	setae	%al
	movq	856(%rsp), %r11
	cmpq	$1, %r11
	sete	%cl
	andb	%al, %cl
	cmpb	$1, %cl
	jne	.LBB0_3
	movabsq	$9223372036854775804, %rcx
	movq	568(%rsp), %r15
	vpbroadcastq	%r15, %ymm0
	movabsq	$.LCPI0_0, %rdx
	movq	560(%rsp), %r12
	vpbroadcastq	%r12, %ymm1
	cmpq	$16, %rbp
	movq	840(%rsp), %r14
	jae	.LBB0_6
	xorl	%eax, %eax
	xorl	%r13d, %r13d
	jmp	.LBB0_10
.LBB0_1:
	xorl	%r13d, %r13d
	jmp	.LBB0_23
.LBB0_3:
	xorl	%r13d, %r13d
	xorl	%eax, %eax
	movq	840(%rsp), %r14
	movq	568(%rsp), %r15
	movq	560(%rsp), %r12
	jmp	.LBB0_13
.LBB0_6:
	leaq	-12(%rcx), %rax
	andq	%rbp, %rax
	vmovdqa	(%rdx), %ymm3
	vpxor	%xmm2, %xmm2, %xmm2
	vpcmpeqd	%ymm4, %ymm4, %ymm4
	movabsq	$.LCPI0_1, %rsi
	vpbroadcastq	(%rsi), %ymm5
	movq	%rax, %rsi
	vpxor	%xmm6, %xmm6, %xmm6
	vpxor	%xmm7, %xmm7, %xmm7
	vpxor	%xmm8, %xmm8, %xmm8
	.p2align	4
.LBB0_7:
	vpxor	%xmm9, %xmm9, %xmm9
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(%r14,%ymm3), %ymm9 {%k1}
	vpxor	%xmm10, %xmm10, %xmm10
	kxnorw	%k0, %k0, %k1
	vpgatherqq	4(%r14,%ymm3), %ymm10 {%k1}
	vpxor	%xmm11, %xmm11, %xmm11
	kxnorw	%k0, %k0, %k1
	vpgatherqq	8(%r14,%ymm3), %ymm11 {%k1}
	vpxor	%xmm12, %xmm12, %xmm12
	kxnorw	%k0, %k0, %k1
	vpgatherqq	12(%r14,%ymm3), %ymm12 {%k1}
	vpcmpgtq	%ymm9, %ymm4, %k1
	vpcmpgtq	%ymm10, %ymm4, %k2
	vpcmpgtq	%ymm11, %ymm4, %k3
	vpcmpgtq	%ymm12, %ymm4, %k4
	vmovdqa64	%ymm0, %ymm13 {%k1} {z}
	vmovdqa64	%ymm0, %ymm14 {%k2} {z}
	vmovdqa64	%ymm0, %ymm15 {%k3} {z}
	vmovdqa64	%ymm0, %ymm16 {%k4} {z}
	vpsllq	$3, %ymm9, %ymm17
	vpaddq	%ymm17, %ymm1, %ymm17
	vpsllq	$3, %ymm10, %ymm18
	vpaddq	%ymm18, %ymm1, %ymm18
	vpsllq	$3, %ymm11, %ymm19
	vpaddq	%ymm19, %ymm1, %ymm19
	vpsllq	$3, %ymm12, %ymm20
	vpaddq	%ymm20, %ymm1, %ymm20
	vpsllq	$3, %ymm13, %ymm13
	vpaddq	%ymm13, %ymm17, %ymm13
	vpsllq	$3, %ymm14, %ymm14
	vpaddq	%ymm14, %ymm18, %ymm14
	vpxord	%xmm21, %xmm21, %xmm21
	kxnorw	%k0, %k0, %k1
	vpgatherqq	8(,%ymm13), %ymm21 {%k1}
	vpxor	%xmm13, %xmm13, %xmm13
	kxnorw	%k0, %k0, %k1
	vpgatherqq	8(,%ymm14), %ymm13 {%k1}
	vpsllq	$3, %ymm15, %ymm14
	vpaddq	%ymm14, %ymm19, %ymm14
	vpsllq	$3, %ymm16, %ymm15
	vpaddq	%ymm15, %ymm20, %ymm15
	vpxord	%xmm16, %xmm16, %xmm16
	kxnorw	%k0, %k0, %k1
	vpgatherqq	8(,%ymm14), %ymm16 {%k1}
	vpxor	%xmm14, %xmm14, %xmm14
	kxnorw	%k0, %k0, %k1
	vpgatherqq	8(,%ymm15), %ymm14 {%k1}
	vpsraq	$63, %ymm9, %ymm9
	vpand	%ymm0, %ymm9, %ymm9
	vpsraq	$63, %ymm10, %ymm10
	vpand	%ymm0, %ymm10, %ymm10
	vpsraq	$63, %ymm11, %ymm11
	vpand	%ymm0, %ymm11, %ymm11
	vpsraq	$63, %ymm12, %ymm12
	vpand	%ymm0, %ymm12, %ymm12
	vpsllq	$3, %ymm9, %ymm9
	vpaddq	%ymm9, %ymm17, %ymm9
	vpsllq	$3, %ymm10, %ymm10
	vpaddq	%ymm10, %ymm18, %ymm10
	vpsllq	$3, %ymm11, %ymm11
	vpaddq	%ymm11, %ymm19, %ymm11
	vpsllq	$3, %ymm12, %ymm12
	vpaddq	%ymm12, %ymm20, %ymm12
	vpxor	%xmm15, %xmm15, %xmm15
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(,%ymm9), %ymm15 {%k1}
	vpxor	%xmm9, %xmm9, %xmm9
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(,%ymm10), %ymm9 {%k1}
	vpsubq	%ymm15, %ymm21, %ymm10
	vpmaxsq	%ymm2, %ymm10, %ymm2
	vpsubq	%ymm9, %ymm13, %ymm9
	vpmaxsq	%ymm6, %ymm9, %ymm6
	vpxor	%xmm9, %xmm9, %xmm9
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(,%ymm11), %ymm9 {%k1}
	vpxor	%xmm10, %xmm10, %xmm10
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(,%ymm12), %ymm10 {%k1}
	vpsubq	%ymm9, %ymm16, %ymm9
	vpmaxsq	%ymm7, %ymm9, %ymm7
	vpsubq	%ymm10, %ymm14, %ymm9
	vpmaxsq	%ymm8, %ymm9, %ymm8
	vpaddq	%ymm5, %ymm3, %ymm3
	addq	$-16, %rsi
	jne	.LBB0_7
	vpmaxsq	%ymm6, %ymm2, %ymm2
	vpmaxsq	%ymm8, %ymm7, %ymm3
	vpmaxsq	%ymm3, %ymm2, %ymm2
	vextracti128	$1, %ymm2, %xmm3
	vpmaxsq	%xmm3, %xmm2, %xmm2
	vpshufd	$238, %xmm2, %xmm3
	vpmaxsq	%xmm3, %xmm2, %xmm2
	vmovq	%xmm2, %r13
	cmpq	%rax, %rbp
	je	.LBB0_23
	testb	$12, %bpl
	je	.LBB0_13
.LBB0_10:
	andq	%rbp, %rcx
	vpbroadcastq	%r13, %ymm2
	vpbroadcastq	%rax, %ymm3
	vpor	(%rdx), %ymm3, %ymm3
	vpcmpeqd	%ymm4, %ymm4, %ymm4
	movabsq	$.LCPI0_2, %rdx
	vpbroadcastq	(%rdx), %ymm5
	.p2align	4
.LBB0_11:
	vpxor	%xmm6, %xmm6, %xmm6
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(%r14,%ymm3), %ymm6 {%k1}
	vpcmpgtq	%ymm6, %ymm4, %k1
	vmovdqa64	%ymm0, %ymm7 {%k1} {z}
	vpsllq	$3, %ymm6, %ymm8
	vpaddq	%ymm1, %ymm8, %ymm8
	vpsllq	$3, %ymm7, %ymm7
	vpaddq	%ymm7, %ymm8, %ymm7
	vpxor	%xmm9, %xmm9, %xmm9
	kxnorw	%k0, %k0, %k1
	vpgatherqq	8(,%ymm7), %ymm9 {%k1}
	vpsraq	$63, %ymm6, %ymm6
	vpand	%ymm0, %ymm6, %ymm6
	vpsllq	$3, %ymm6, %ymm6
	vpaddq	%ymm6, %ymm8, %ymm6
	vpxor	%xmm7, %xmm7, %xmm7
	kxnorw	%k0, %k0, %k1
	vpgatherqq	(,%ymm6), %ymm7 {%k1}
	vpsubq	%ymm7, %ymm9, %ymm6
	vpmaxsq	%ymm2, %ymm6, %ymm2
	vpaddq	%ymm5, %ymm3, %ymm3
	addq	$4, %rax
	cmpq	%rax, %rcx
	jne	.LBB0_11
	vextracti128	$1, %ymm2, %xmm0
	vpmaxsq	%xmm0, %xmm2, %xmm0
	vpshufd	$238, %xmm0, %xmm1
	vpmaxsq	%xmm1, %xmm0, %xmm0
	vmovq	%xmm0, %r13
	movq	%rcx, %rax
	cmpq	%rcx, %rbp
	je	.LBB0_23
.LBB0_13:
	movq	%rbp, %rcx
	andq	$3, %rcx
	je	.LBB0_14
	movq	%rax, %rdx
	imulq	%r11, %rdx
	addq	%r14, %rdx
	negq	%rcx
	xorl	%esi, %esi
	.p2align	4
.LBB0_16:
	movq	%r13, %rdi
	movq	(%rdx), %r8
	cmpq	$-1, %r8
	movl	$0, %r9d
	cmovlq	%r15, %r9
	leaq	(%r12,%r8,8), %r10
	movq	8(%r10,%r9,8), %r13
	sarq	$63, %r8
	andq	%r15, %r8
	subq	(%r10,%r8,8), %r13
	cmpq	%rdi, %r13
	cmovleq	%rdi, %r13
	decq	%rsi
	addq	%r11, %rdx
	cmpq	%rsi, %rcx
	jne	.LBB0_16
	movq	%rax, %rcx
	subq	%rsi, %rcx
	subq	%rbp, %rax
	cmpq	$-4, %rax
	ja	.LBB0_23
	jmp	.LBB0_19
.LBB0_14:
	movq	%rax, %rcx
	subq	%rbp, %rax
	cmpq	$-4, %rax
	jbe	.LBB0_19
.LBB0_23:
	negq	%r13
	andq	$-16, %r13
	movq	%r13, %r12
	negq	%r12
	js	.LBB0_24
	movq	%r12, %rax
	shrq	$60, %rax
	jne	.LBB0_43
	leaq	(,%r12,8), %rbx
	movabsq	$NRT_MemInfo_alloc_aligned, %r14
	movq	%rbx, %rdi
	movl	$32, %esi
	vzeroupper
	callq	*%r14
	testq	%rax, %rax
	je	.LBB0_45
	movq	%rax, %r15
	movq	24(%rax), %rbp
	movabsq	$memset, %rax
	movq	%rbp, %rdi
	xorl	%esi, %esi
	movq	%rbx, %rdx
	callq	*%rax
	movq	%r15, %rdi
	movabsq	$NRT_incref, %rax
	callq	*%rax
	movq	%r12, 280(%rsp)
	leaq	(,%r12,4), %r12
	movq	%r12, %rdi
	movl	$32, %esi
	callq	*%r14
	testq	%rax, %rax
	je	.LBB0_48
	movq	%rax, 232(%rsp)
	movq	24(%rax), %rbx
	movq	%rbx, %rdi
	xorl	%esi, %esi
	movq	%r12, %rdx
	movabsq	$memset, %rax
	callq	*%rax
	movq	%r12, %rdi
	movl	$32, %esi
	callq	*%r14
	testq	%rax, %rax
	je	.LBB0_48
	movq	%r15, 224(%rsp)
	movq	%rax, 216(%rsp)
	movq	24(%rax), %r14
	movq	%r14, %rdi
	xorl	%esi, %esi
	movq	%r12, %rdx
	movabsq	$memset, %rax
	callq	*%rax
	movq	848(%rsp), %r12
	testq	%r12, %r12
	jle	.LBB0_51
	movq	%r13, 272(%rsp)
	vbroadcastss	96(%rsp), %ymm18
	vbroadcastss	80(%rsp), %ymm19
	vbroadcastss	64(%rsp), %ymm20
	vbroadcastss	112(%rsp), %ymm21
	movabsq	$.LCPI0_9, %rax
	vmovddup	(%rax), %xmm0
	vmovaps	%xmm0, 480(%rsp)
	movabsq	$.LCPI0_10, %rax
	vmovq	(%rax), %xmm0
	vmovdqa	%xmm0, 336(%rsp)
	movabsq	$.LCPI0_5, %rax
	vbroadcastss	(%rax), %xmm22
	movabsq	$.LCPI0_6, %rax
	vmovss	(%rax), %xmm23
	vpxor	%xmm0, %xmm0, %xmm0
	vmovq	%xmm0, 16(%rsp)
	leaq	64(%r14), %rax
	movq	%rax, 136(%rsp)
	leaq	4(%r14), %rax
	movq	%rax, 248(%rsp)
	xorl	%eax, %eax
	movabsq	$.LCPI0_7, %r13
	movq	808(%rsp), %r15
	vmovups	%ymm18, 448(%rsp)
	vmovups	%ymm19, 416(%rsp)
	vmovups	%ymm20, 384(%rsp)
	vmovups	%ymm21, 352(%rsp)
	vmovaps	%xmm22, 176(%rsp)
	vmovss	%xmm23, 4(%rsp)
	movq	%r14, 264(%rsp)
	jmp	.LBB0_26
	.p2align	4
.LBB0_102:
	movq	48(%rsp), %rax
	incq	%rax
	vfmadd231sd	%xmm0, %xmm1, %xmm17
	vmovsd	%xmm17, 16(%rsp)
	cmpq	%r12, %rax
	je	.LBB0_103
.LBB0_26:
	movq	%rax, 48(%rsp)
	movq	584(%rsp), %rdi
	movabsq	$NRT_incref, %r12
	vzeroupper
	callq	*%r12
	movq	640(%rsp), %rdi
	callq	*%r12
	movq	%r15, %rdi
	callq	*%r12
	movq	48(%rsp), %rcx
	leaq	12(%rcx), %rax
	cmpq	848(%rsp), %rax
	jge	.LBB0_33
	movq	%r15, %rdi
	movq	840(%rsp), %rax
	movq	96(%rax,%rcx,8), %r12
	movq	%r12, %rax
	sarq	$63, %rax
	movq	568(%rsp), %rcx
	andq	%rcx, %rax
	movq	560(%rsp), %rcx
	leaq	(%rcx,%r12,8), %rcx
	movq	%rcx, 32(%rsp)
	movq	(%rcx,%rax,8), %r15
	movabsq	$NRT_decref, %rax
	callq	*%rax
	cmpq	$-1, %r12
	movl	$0, %eax
	cmovlq	568(%rsp), %rax
	movq	32(%rsp), %rcx
	movq	8(%rcx,%rax,8), %r12
	movq	584(%rsp), %rcx
	movq	%rcx, %rdi
	movq	640(%rsp), %rax
	cmpq	%r12, %r15
	jge	.LBB0_34
	movq	%r15, %rax
	movq	616(%rsp), %rdx
	.p2align	4
.LBB0_29:
	prefetchw	(%rdx,%rax,4)
	addq	$16, %rax
	cmpq	%r12, %rax
	jl	.LBB0_29
	movq	%rcx, %rdi
	movabsq	$NRT_decref, %rax
	callq	*%rax
	movq	672(%rsp), %rax
	.p2align	4
.LBB0_31:
	prefetchw	(%rax,%r15,4)
	addq	$16, %r15
	cmpq	%r12, %r15
	jl	.LBB0_31
	movq	640(%rsp), %rdi
	movabsq	$NRT_decref, %rax
	jmp	.LBB0_35
	.p2align	4
.LBB0_33:
	movq	640(%rsp), %rdi
	movabsq	$NRT_decref, %rax
	callq	*%rax
	movq	%r15, %rdi
	movq	584(%rsp), %rax
.LBB0_34:
	movabsq	$NRT_decref, %r15
	movq	%rax, %r12
	callq	*%r15
	movq	%r12, %rdi
	movq	%r15, %rax
.LBB0_35:
	callq	*%rax
	leaq	328(%rsp), %rdi
	leaq	320(%rsp), %rsi
	movq	144(%rsp), %rdx
	movq	288(%rsp), %rcx
	movq	296(%rsp), %r8
	movq	304(%rsp), %r9
	pushq	$1
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	920(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	112(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	928(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	928(%rsp)
	.cfi_adjust_cfa_offset 8
	movq	928(%rsp), %r15
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	pushq	928(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	928(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	928(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	928(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	pushq	760(%rsp)
	.cfi_adjust_cfa_offset 8
	movq	760(%rsp), %r12
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	movq	760(%rsp), %r15
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	movabsq	$_ZN10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29, %rax
	callq	*%rax
	addq	$208, %rsp
	.cfi_adjust_cfa_offset -208
	testl	%eax, %eax
	jne	.LBB0_36
	movq	48(%rsp), %rax
	movq	840(%rsp), %rcx
	movq	(%rcx,%rax,8), %rsi
	movq	%rsi, %rax
	sarq	$63, %rax
	movq	%rax, 160(%rsp)
	andq	%r12, %rax
	leaq	(%r15,%rsi,8), %rcx
	movq	(%rcx,%rax,8), %rdx
	movq	%rsi, 168(%rsp)
	cmpq	$-1, %rsi
	movl	$0, %eax
	cmovlq	%r12, %rax
	movq	8(%rcx,%rax,8), %rax
	movq	%rax, 152(%rsp)
	movq	%rdx, 56(%rsp)
	subq	%rdx, %rax
	movq	%rax, 32(%rsp)
	vmovaps	112(%rsp), %xmm13
	vmovaps	96(%rsp), %xmm14
	vmovaps	80(%rsp), %xmm15
	vmovaps	64(%rsp), %xmm16
	movq	896(%rsp), %r12
	vmovups	448(%rsp), %ymm18
	vmovups	416(%rsp), %ymm19
	vmovups	384(%rsp), %ymm20
	vmovups	352(%rsp), %ymm21
	vmovaps	176(%rsp), %xmm22
	vmovss	4(%rsp), %xmm23
	vxorps	%xmm24, %xmm24, %xmm24
	vxorps	%xmm25, %xmm25, %xmm25
	vpxor	%xmm9, %xmm9, %xmm9
	jle	.LBB0_60
	movq	32(%rsp), %rdx
	movl	%edx, %eax
	andl	$3, %eax
	movq	56(%rsp), %r14
	movq	%r14, %rcx
	subq	152(%rsp), %rcx
	cmpq	$-4, %rcx
	jbe	.LBB0_55
	xorl	%edi, %edi
	movq	680(%rsp), %r15
	movq	624(%rsp), %r14
	jmp	.LBB0_58
	.p2align	4
.LBB0_55:
	movq	%rdx, %rcx
	movabsq	$9223372036854775804, %rdx
	andq	%rdx, %rcx
	movq	672(%rsp), %rdx
	leaq	(%rdx,%r14,4), %rdx
	movq	616(%rsp), %rsi
	leaq	(%rsi,%r14,4), %rsi
	xorl	%edi, %edi
	movq	680(%rsp), %r15
	movq	624(%rsp), %r11
	.p2align	4
.LBB0_56:
	leaq	(%r14,%rdi), %r8
	sarq	$63, %r8
	movq	%r8, %r9
	andq	%r11, %r9
	leaq	(%rsi,%r9,4), %r9
	movslq	(%r9,%rdi,4), %r9
	movq	(%r12,%r9,8), %r9
	movq	%r9, (%rbp,%rdi,8)
	andq	%r15, %r8
	leaq	(%rdx,%r8,4), %r8
	vmovss	(%r8,%rdi,4), %xmm0
	vmovss	%xmm0, (%rbx,%rdi,4)
	leaq	1(%r14,%rdi), %r8
	sarq	$63, %r8
	movq	%r8, %r9
	andq	%r11, %r9
	leaq	(%rsi,%r9,4), %r9
	movslq	4(%r9,%rdi,4), %r9
	movq	(%r12,%r9,8), %r9
	movq	%r9, 8(%rbp,%rdi,8)
	andq	%r15, %r8
	leaq	(%rdx,%r8,4), %r8
	vmovss	4(%r8,%rdi,4), %xmm0
	vmovss	%xmm0, 4(%rbx,%rdi,4)
	leaq	2(%r14,%rdi), %r8
	sarq	$63, %r8
	movq	%r8, %r9
	andq	%r11, %r9
	leaq	(%rsi,%r9,4), %r9
	movslq	8(%r9,%rdi,4), %r9
	movq	(%r12,%r9,8), %r9
	movq	%r9, 16(%rbp,%rdi,8)
	andq	%r15, %r8
	leaq	(%rdx,%r8,4), %r8
	vmovss	8(%r8,%rdi,4), %xmm0
	vmovss	%xmm0, 8(%rbx,%rdi,4)
	leaq	3(%r14,%rdi), %r8
	sarq	$63, %r8
	movq	%r8, %r9
	andq	%r11, %r9
	leaq	(%rsi,%r9,4), %r9
	movslq	12(%r9,%rdi,4), %r9
	movq	(%r12,%r9,8), %r9
	movq	%r9, 24(%rbp,%rdi,8)
	andq	%r15, %r8
	leaq	(%rdx,%r8,4), %r8
	vmovd	12(%r8,%rdi,4), %xmm0
	vmovd	%xmm0, 12(%rbx,%rdi,4)
	addq	$4, %rdi
	cmpq	%rdi, %rcx
	jne	.LBB0_56
	testq	%rax, %rax
	movq	%r11, %r14
	je	.LBB0_60
.LBB0_58:
	leaq	(%rbx,%rdi,4), %rcx
	leaq	(%rbp,%rdi,8), %rdx
	addq	56(%rsp), %rdi
	movq	672(%rsp), %rsi
	leaq	(%rsi,%rdi,4), %rsi
	movq	616(%rsp), %r8
	leaq	(%r8,%rdi,4), %r8
	xorl	%r9d, %r9d
	.p2align	4
.LBB0_59:
	leaq	(%rdi,%r9), %r10
	sarq	$63, %r10
	movq	%r10, %r11
	andq	%r14, %r11
	leaq	(%r8,%r11,4), %r11
	movslq	(%r11,%r9,4), %r11
	movq	(%r12,%r11,8), %r11
	movq	%r11, (%rdx,%r9,8)
	andq	%r15, %r10
	leaq	(%rsi,%r10,4), %r10
	vmovd	(%r10,%r9,4), %xmm0
	vmovd	%xmm0, (%rcx,%r9,4)
	incq	%r9
	cmpq	%r9, %rax
	jne	.LBB0_59
.LBB0_60:
	movq	32(%rsp), %rdx
	movq	%rdx, %rax
	sarq	$63, %rax
	andq	272(%rsp), %rax
	movq	%rdx, %rcx
	subq	%rax, %rcx
	movq	%rcx, %rax
	js	.LBB0_61
	movq	280(%rsp), %rsi
	cmpq	%rsi, %rcx
	movq	264(%rsp), %r14
	jge	.LBB0_63
.LBB0_64:
	movq	%rdx, %r15
	negq	%r15
	andq	$-16, %r15
	movq	%rsi, %rcx
	subq	%r15, %rcx
	negq	%r15
	testq	%r15, %r15
	cmovnsq	%r15, %rcx
	movq	%rcx, %rdx
	testq	%rcx, %rcx
	js	.LBB0_65
	cmpq	%rsi, %rcx
	jge	.LBB0_104
.LBB0_67:
	subq	%rax, %rdx
	movabsq	$memset, %rcx
	jle	.LBB0_69
.LBB0_68:
	leaq	(%rbx,%rax,4), %rdi
	shlq	$2, %rdx
	xorl	%esi, %esi
	callq	*%rcx
	vpxor	%xmm9, %xmm9, %xmm9
	vxorps	%xmm25, %xmm25, %xmm25
	vxorps	%xmm24, %xmm24, %xmm24
	vmovss	4(%rsp), %xmm23
	vmovaps	176(%rsp), %xmm22
	vmovups	352(%rsp), %ymm21
	vmovups	384(%rsp), %ymm20
	vmovups	416(%rsp), %ymm19
	vmovups	448(%rsp), %ymm18
	vmovaps	64(%rsp), %xmm16
	vmovaps	80(%rsp), %xmm15
	vmovaps	96(%rsp), %xmm14
	vmovaps	112(%rsp), %xmm13
.LBB0_69:
	cmpq	$2, %r15
	movl	$1, %eax
	cmovgeq	%r15, %rax
	shrq	$4, %rax
	movq	%r15, 312(%rsp)
	je	.LBB0_70
	cmpb	$0, 928(%rsp)
	je	.LBB0_72
	movq	%rax, %rcx
	shlq	$6, %rcx
	leaq	(%r14,%rcx), %rdx
	addq	%rbx, %rcx
	movq	%rax, %rsi
	shlq	$7, %rsi
	addq	%rbp, %rsi
	cmpq	%rcx, %r14
	setb	%cl
	cmpq	%rdx, %rbx
	setb	%dil
	andb	%cl, %dil
	cmpq	%rsi, %r14
	setb	%sil
	cmpq	%rdx, %rbp
	setb	%cl
	andb	%sil, %cl
	orb	%dil, %cl
	vpxor	%xmm0, %xmm0, %xmm0
	leaq	4(%rbx), %rdx
	movq	248(%rsp), %rsi
	leaq	12(%rbp), %rdi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	jmp	.LBB0_75
	.p2align	4
.LBB0_105:
	vpblendd	$1, %xmm0, %xmm9, %xmm0
	movabsq	$.LCPI0_3, %r10
	vmovaps	(%r10), %ymm1
	vmovups	(%rbp,%r9,8), %zmm2
	vmovups	64(%rbp,%r9,8), %zmm3
	movabsq	$.LCPI0_4, %r10
	vmovaps	(%r10), %ymm4
	vpermps	%zmm2, %zmm1, %zmm5
	vpermps	%zmm2, %zmm4, %zmm2
	vpermps	%zmm3, %zmm1, %zmm1
	vpermps	%zmm3, %zmm4, %zmm3
	movabsq	$.LCPI0_5, %r10
	vbroadcastss	(%r10), %ymm4
	vandps	%ymm4, %ymm5, %ymm6
	vandps	%ymm4, %ymm1, %ymm7
	vsubps	%ymm18, %ymm6, %ymm6
	vsubps	%ymm18, %ymm7, %ymm7
	vmaxps	%ymm6, %ymm25, %ymm6
	vmaxps	%ymm7, %ymm25, %ymm7
	vaddps	%ymm19, %ymm2, %ymm2
	vaddps	%ymm19, %ymm3, %ymm3
	vfmadd213ps	%ymm21, %ymm20, %ymm2
	vfmadd213ps	%ymm21, %ymm20, %ymm3
	movabsq	$.LCPI0_6, %r10
	vbroadcastss	(%r10), %ymm8
	vmaxps	%ymm2, %ymm8, %ymm2
	vmaxps	%ymm3, %ymm8, %ymm3
	vbroadcastss	(%r13), %ymm8
	vxorps	%ymm5, %ymm8, %ymm5
	vxorps	%ymm1, %ymm8, %ymm1
	vpternlogd	$184, %ymm6, %ymm4, %ymm5
	vdivps	%ymm2, %ymm5, %ymm2
	vpternlogd	$184, %ymm7, %ymm4, %ymm1
	vdivps	%ymm3, %ymm1, %ymm1
	vmovups	%ymm2, (%r14,%r9,4)
	vmovups	%ymm1, 32(%r14,%r9,4)
	vfmadd231ps	(%rbx,%r9,4), %ymm2, %ymm0
	vfmadd231ps	32(%rbx,%r9,4), %ymm1, %ymm0
	vextractf128	$1, %ymm0, %xmm1
	vaddps	%xmm1, %xmm0, %xmm0
	vshufpd	$1, %xmm0, %xmm0, %xmm1
	vaddps	%xmm1, %xmm0, %xmm0
	vmovshdup	%xmm0, %xmm1
	vaddss	%xmm1, %xmm0, %xmm0
.LBB0_78:
	addq	$16, %r9
	incq	%r8
	subq	$-128, %rdi
	addq	$64, %rsi
	addq	$64, %rdx
	decq	%rax
	jle	.LBB0_38
.LBB0_75:
	movq	%r8, %r10
	shlq	$7, %r10
	leaq	(%rbp,%r10), %r11
	leaq	4(%rbp,%r10), %r15
	leaq	120(%rbp,%r10), %r12
	cmpq	%r11, %r12
	setb	%r11b
	leaq	124(%rbp,%r10), %r10
	cmpq	%r15, %r10
	setb	%r10b
	orb	%r11b, %r10b
	orb	%cl, %r10b
	testb	$1, %r10b
	je	.LBB0_105
	xorl	%r10d, %r10d
	.p2align	4
.LBB0_77:
	vmovss	-12(%rdi,%r10,2), %xmm1
	vandps	%xmm22, %xmm1, %xmm2
	vsubss	%xmm14, %xmm2, %xmm2
	vaddss	-8(%rdi,%r10,2), %xmm15, %xmm3
	vmaxss	%xmm2, %xmm24, %xmm2
	vfmadd213ss	%xmm13, %xmm16, %xmm3
	vmaxss	%xmm3, %xmm23, %xmm3
	vbroadcastss	(%r13), %xmm4
	vxorps	%xmm4, %xmm1, %xmm1
	vpternlogd	$184, %xmm2, %xmm22, %xmm1
	vdivss	%xmm3, %xmm1, %xmm1
	vmovss	%xmm1, -4(%rsi,%r10)
	vfmadd231ss	-4(%rdx,%r10), %xmm1, %xmm0
	vmovss	-4(%rdi,%r10,2), %xmm1
	vandps	%xmm22, %xmm1, %xmm2
	vsubss	%xmm14, %xmm2, %xmm2
	vaddss	(%rdi,%r10,2), %xmm15, %xmm3
	vmaxss	%xmm2, %xmm24, %xmm2
	vfmadd213ss	%xmm13, %xmm16, %xmm3
	vmaxss	%xmm3, %xmm23, %xmm3
	vxorps	%xmm4, %xmm1, %xmm1
	vpternlogd	$184, %xmm2, %xmm22, %xmm1
	vdivss	%xmm3, %xmm1, %xmm1
	vmovss	%xmm1, (%rsi,%r10)
	vfmadd231ss	(%rdx,%r10), %xmm1, %xmm0
	addq	$8, %r10
	cmpq	$64, %r10
	jne	.LBB0_77
	jmp	.LBB0_78
	.p2align	4
.LBB0_70:
	vxorps	%xmm0, %xmm0, %xmm0
	jmp	.LBB0_38
	.p2align	4
.LBB0_72:
	incq	%rax
	vxorps	%xmm0, %xmm0, %xmm0
	movl	$60, %ecx
	.p2align	4
.LBB0_73:
	vmovss	-120(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -60(%r14,%rcx)
	vfmadd231ss	-60(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-112(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -56(%r14,%rcx)
	vfmadd231ss	-56(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-104(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -52(%r14,%rcx)
	vfmadd231ss	-52(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-96(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -48(%r14,%rcx)
	vfmadd231ss	-48(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-88(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -44(%r14,%rcx)
	vfmadd231ss	-44(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-80(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -40(%r14,%rcx)
	vfmadd231ss	-40(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-72(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -36(%r14,%rcx)
	vfmadd231ss	-36(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-64(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -32(%r14,%rcx)
	vfmadd231ss	-32(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-56(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -28(%r14,%rcx)
	vfmadd231ss	-28(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-48(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -24(%r14,%rcx)
	vfmadd231ss	-24(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-40(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -20(%r14,%rcx)
	vfmadd231ss	-20(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-32(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -16(%r14,%rcx)
	vfmadd231ss	-16(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-24(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -12(%r14,%rcx)
	vfmadd231ss	-12(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-16(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -8(%r14,%rcx)
	vfmadd231ss	-8(%rbx,%rcx), %xmm1, %xmm0
	vmovss	-8(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, -4(%r14,%rcx)
	vfmadd231ss	-4(%rbx,%rcx), %xmm1, %xmm0
	vmovss	(%rbp,%rcx,2), %xmm1
	vmovss	%xmm1, (%r14,%rcx)
	vfmadd231ss	(%rbx,%rcx), %xmm1, %xmm0
	decq	%rax
	addq	$64, %rcx
	cmpq	$1, %rax
	ja	.LBB0_73
.LBB0_38:
	movq	160(%rsp), %rax
	andq	736(%rsp), %rax
	movq	728(%rsp), %rcx
	movq	168(%rsp), %rdx
	leaq	(%rcx,%rdx,4), %rcx
	vmovss	(%rcx,%rax,4), %xmm1
	vcvtss2sd	%xmm0, %xmm0, %xmm2
	vcvtss2sd	%xmm1, %xmm1, %xmm1
	movq	920(%rsp), %rax
	testq	%rax, %rax
	je	.LBB0_79
	cmpq	$1, %rax
	movq	808(%rsp), %r15
	movq	848(%rsp), %r12
	jne	.LBB0_41
	vsubsd	%xmm1, %xmm2, %xmm2
	vmulsd	%xmm2, %xmm2, %xmm0
	movabsq	$.LCPI0_8, %rax
	vmulsd	(%rax), %xmm0, %xmm1
	jmp	.LBB0_80
	.p2align	4
.LBB0_79:
	vmovsd	%xmm1, 40(%rsp)
	vxorpd	%xmm1, %xmm1, %xmm1
	vmaxsd	%xmm2, %xmm1, %xmm1
	vmovsd	%xmm1, 24(%rsp)
	vucomiss	%xmm24, %xmm0
	setae	%r15b
	vorpd	480(%rsp), %xmm2, %xmm0
	movabsq	$exp, %rax
	vmovaps	%xmm2, 192(%rsp)
	vzeroupper
	callq	*%rax
	vmovapd	336(%rsp), %xmm3
	vaddsd	%xmm3, %xmm0, %xmm1
	kmovd	%r15d, %k1
	vmovapd	%xmm0, %xmm2
	vmovsd	%xmm3, %xmm2, %xmm2 {%k1}
	vdivsd	%xmm1, %xmm2, %xmm1
	vmovsd	%xmm1, 256(%rsp)
	vmovsd	24(%rsp), %xmm1
	vmovapd	192(%rsp), %xmm2
	vfnmadd231sd	40(%rsp), %xmm2, %xmm1
	vmovsd	%xmm1, 24(%rsp)
	movabsq	$log1p, %rax
	callq	*%rax
	vxorps	%xmm25, %xmm25, %xmm25
	vxorps	%xmm24, %xmm24, %xmm24
	vmovss	4(%rsp), %xmm23
	vmovaps	176(%rsp), %xmm22
	vmovups	352(%rsp), %ymm21
	vmovups	384(%rsp), %ymm20
	vmovups	416(%rsp), %ymm19
	vmovups	448(%rsp), %ymm18
	vmovaps	64(%rsp), %xmm16
	vmovaps	80(%rsp), %xmm15
	vmovaps	96(%rsp), %xmm14
	vmovaps	112(%rsp), %xmm13
	vaddsd	24(%rsp), %xmm0, %xmm1
	vmovsd	256(%rsp), %xmm0
	vsubsd	40(%rsp), %xmm0, %xmm2
	movq	808(%rsp), %r15
	movq	848(%rsp), %r12
	jmp	.LBB0_80
	.p2align	4
.LBB0_41:
	movabsq	$.LCPI0_11, %rax
	vmovsd	(%rax), %xmm0
	vminsd	%xmm2, %xmm0, %xmm0
	movabsq	$.LCPI0_12, %rax
	vmovsd	%xmm1, 40(%rsp)
	vaddsd	(%rax), %xmm2, %xmm1
	vmovaps	%xmm2, 192(%rsp)
	vxorpd	%xmm2, %xmm2, %xmm2
	vmaxsd	%xmm1, %xmm2, %xmm1
	vmovsd	%xmm1, 24(%rsp)
	movabsq	$exp, %rax
	vzeroupper
	callq	*%rax
	vxorps	%xmm25, %xmm25, %xmm25
	vxorps	%xmm24, %xmm24, %xmm24
	vmovss	4(%rsp), %xmm23
	vmovaps	176(%rsp), %xmm22
	vmovups	352(%rsp), %ymm21
	vmovups	384(%rsp), %ymm20
	vmovups	416(%rsp), %ymm19
	vmovups	448(%rsp), %ymm18
	vmovaps	64(%rsp), %xmm16
	vmovaps	80(%rsp), %xmm15
	vmovaps	96(%rsp), %xmm14
	vmovaps	112(%rsp), %xmm13
	vmovsd	24(%rsp), %xmm1
	vaddsd	336(%rsp), %xmm1, %xmm2
	vmovsd	40(%rsp), %xmm3
	vmulsd	192(%rsp), %xmm3, %xmm1
	vfmsub231sd	%xmm2, %xmm0, %xmm1
	vsubsd	%xmm3, %xmm0, %xmm2
.LBB0_80:
	vmovsd	16(%rsp), %xmm17
	movq	160(%rsp), %rdx
	andq	792(%rsp), %rdx
	movq	784(%rsp), %rax
	movq	168(%rsp), %rcx
	leaq	(%rax,%rcx,4), %rax
	vmovss	(%rax,%rdx,4), %xmm0
	vcvtss2sd	%xmm0, %xmm0, %xmm0
	vmulsd	%xmm0, %xmm2, %xmm2
	vcvtsd2ss	%xmm2, %xmm2, %xmm2
	vucomiss	%xmm24, %xmm2
	jne	.LBB0_81
	jnp	.LBB0_102
.LBB0_81:
	movq	312(%rsp), %rdi
	testq	%rdi, %rdi
	jle	.LBB0_94
	movq	%rdi, %rax
	shrq	$4, %rax
	leaq	(,%rdi,4), %rcx
	testq	%rax, %rax
	movl	$1, %edx
	cmovleq	%rax, %rdx
	movl	%edx, %esi
	shll	$6, %esi
	subq	%rsi, %rcx
	shlq	$3, %rdi
	shll	$7, %edx
	subq	%rdx, %rdi
	cmpb	$0, 928(%rsp)
	je	.LBB0_87
	movq	136(%rsp), %rdx
	addq	%rcx, %rdx
	leaq	128(%rbp), %rsi
	addq	%rsi, %rdi
	leaq	64(%rbx), %rsi
	addq	%rsi, %rcx
	cmpq	%rdi, %r14
	setb	%sil
	cmpq	%rdx, %rbp
	setb	%dl
	andb	%sil, %dl
	cmpq	%rdi, %rbx
	setb	%sil
	cmpq	%rcx, %rbp
	setb	%cl
	andb	%sil, %cl
	orb	%dl, %cl
	vbroadcastss	%xmm2, %ymm3
	movq	%r14, %rdx
	movq	%rbx, %rsi
	leaq	4(%rbp), %rdi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	jmp	.LBB0_84
	.p2align	4
.LBB0_92:
	vmovups	(%rbp,%r9,8), %zmm4
	movabsq	$.LCPI0_3, %r10
	vmovaps	(%r10), %ymm5
	vpermps	%zmm4, %zmm5, %zmm6
	movabsq	$.LCPI0_4, %r10
	vmovaps	(%r10), %ymm7
	vpermps	%zmm4, %zmm7, %zmm4
	vmulps	(%rbx,%r9,4), %ymm3, %ymm8
	vmulps	%ymm4, %ymm4, %ymm9
	vfmadd231ps	%ymm8, %ymm8, %ymm9
	vbroadcastss	(%r13), %ymm10
	vsqrtps	%ymm9, %ymm9
	vxorps	%ymm4, %ymm10, %ymm11
	vcmpltps	%ymm4, %ymm11, %k1
	vblendmps	%ymm11, %ymm19, %ymm11 {%k1}
	vaddps	%ymm11, %ymm9, %ymm11
	vaddps	%ymm6, %ymm8, %ymm12
	vmulps	(%r14,%r9,4), %ymm20, %ymm13
	vfnmadd213ps	%ymm12, %ymm11, %ymm13
	vcmpneqps	%ymm25, %ymm8, %k0
	vinsertf64x4	$1, %ymm4, %zmm6, %zmm4
	kunpckbw	%k0, %k0, %k1
	vinsertf32x8	$1, %ymm9, %zmm13, %zmm4 {%k1}
	movabsq	$.LCPI0_13, %r10
	vmovaps	(%r10), %zmm6
	vpermps	%zmm4, %zmm6, %zmm4
	vmovups	%zmm4, (%rbp,%r9,8)
	vmovups	64(%rbp,%r9,8), %zmm4
	vpermps	%zmm4, %zmm5, %zmm5
	vpermps	%zmm4, %zmm7, %zmm4
	vmulps	32(%rbx,%r9,4), %ymm3, %ymm7
	vmulps	%ymm4, %ymm4, %ymm8
	vfmadd231ps	%ymm7, %ymm7, %ymm8
	vsqrtps	%ymm8, %ymm8
	vxorps	%ymm4, %ymm10, %ymm9
	vcmpltps	%ymm4, %ymm9, %k1
	vblendmps	%ymm9, %ymm19, %ymm9 {%k1}
	vaddps	%ymm9, %ymm8, %ymm9
	vaddps	%ymm5, %ymm7, %ymm10
	vmulps	32(%r14,%r9,4), %ymm20, %ymm11
	vfnmadd213ps	%ymm10, %ymm9, %ymm11
	vcmpneqps	%ymm25, %ymm7, %k0
	vinsertf64x4	$1, %ymm4, %zmm5, %zmm4
	kunpckbw	%k0, %k0, %k1
	vinsertf32x8	$1, %ymm8, %zmm11, %zmm4 {%k1}
	vpermps	%zmm4, %zmm6, %zmm4
	vmovups	%zmm4, 64(%rbp,%r9,8)
.LBB0_93:
	addq	$16, %r9
	incq	%r8
	subq	$-128, %rdi
	addq	$64, %rsi
	addq	$64, %rdx
	decq	%rax
	jle	.LBB0_94
.LBB0_84:
	movq	%r8, %r10
	shlq	$7, %r10
	leaq	(%rbp,%r10), %r11
	leaq	4(%rbp,%r10), %r15
	leaq	120(%rbp,%r10), %r12
	cmpq	%r11, %r12
	setb	%r11b
	leaq	124(%rbp,%r10), %r10
	cmpq	%r15, %r10
	setb	%r10b
	orb	%r11b, %r10b
	orb	%cl, %r10b
	testb	$1, %r10b
	je	.LBB0_92
	xorl	%r10d, %r10d
	.p2align	4
.LBB0_86:
	vmovss	-4(%rdi,%r10,8), %xmm4
	vmovss	(%rdi,%r10,8), %xmm5
	vmulss	(%rsi,%r10,4), %xmm2, %xmm6
	vmulss	%xmm5, %xmm5, %xmm7
	vfmadd231ss	%xmm6, %xmm6, %xmm7
	vsqrtss	%xmm7, %xmm7, %xmm7
	vxorps	(%r13){1to4}, %xmm5, %xmm8
	vcmpltss	%xmm5, %xmm8, %k1
	vmovaps	%xmm15, %xmm9
	vmovss	%xmm8, %xmm9, %xmm9 {%k1}
	vaddss	%xmm7, %xmm9, %xmm8
	vaddss	%xmm4, %xmm6, %xmm9
	vmulss	(%rdx,%r10,4), %xmm16, %xmm10
	vfnmadd213ss	%xmm9, %xmm8, %xmm10
	vucomiss	%xmm24, %xmm6
	setp	%r11b
	setne	%r15b
	orb	%r11b, %r15b
	kmovd	%r15d, %k1
	vmovss	%xmm10, %xmm4, %xmm4 {%k1}
	vmovss	%xmm7, %xmm5, %xmm5 {%k1}
	vmovss	%xmm4, -4(%rdi,%r10,8)
	vmovss	%xmm5, (%rdi,%r10,8)
	incq	%r10
	cmpq	$16, %r10
	jne	.LBB0_86
	jmp	.LBB0_93
.LBB0_87:
	movq	136(%rsp), %rdx
	addq	%rcx, %rdx
	leaq	128(%rbp), %rsi
	addq	%rsi, %rdi
	leaq	64(%rbx), %rsi
	addq	%rsi, %rcx
	cmpq	%rdi, %r14
	setb	%sil
	cmpq	%rdx, %rbp
	setb	%dl
	andb	%sil, %dl
	cmpq	%rdi, %rbx
	setb	%sil
	cmpq	%rcx, %rbp
	setb	%cl
	andb	%sil, %cl
	orb	%dl, %cl
	vbroadcastss	%xmm2, %ymm3
	leaq	4(%rbp), %rdx
	movq	%r14, %rsi
	movq	%rbx, %rdi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	jmp	.LBB0_88
	.p2align	4
.LBB0_106:
	vmovups	(%rbp,%r9,8), %zmm4
	movabsq	$.LCPI0_3, %r10
	vmovaps	(%r10), %ymm5
	vpermps	%zmm4, %zmm5, %zmm6
	movabsq	$.LCPI0_4, %r10
	vmovaps	(%r10), %ymm7
	vpermps	%zmm4, %zmm7, %zmm4
	vmulps	(%rbx,%r9,4), %ymm3, %ymm8
	vmulps	%ymm4, %ymm4, %ymm9
	vfmadd231ps	%ymm8, %ymm8, %ymm9
	vsqrtps	%ymm9, %ymm9
	vaddps	%ymm19, %ymm9, %ymm10
	vmulps	%ymm20, %ymm10, %ymm10
	vcmpneqps	%ymm25, %ymm8, %k0
	vfmsub231ps	(%r14,%r9,4), %ymm10, %ymm8
	movabsq	$.LCPI0_5, %r10
	vbroadcastss	(%r10), %ymm11
	vandps	%ymm11, %ymm8, %ymm12
	vsubps	%ymm18, %ymm12, %ymm12
	vmaxps	%ymm12, %ymm25, %ymm12
	vpternlogd	$226, %ymm8, %ymm11, %ymm12
	vaddps	%ymm21, %ymm10, %ymm8
	movabsq	$.LCPI0_6, %r10
	vbroadcastss	(%r10), %ymm10
	vmaxps	%ymm8, %ymm10, %ymm8
	vdivps	%ymm8, %ymm12, %ymm8
	vinsertf64x4	$1, %ymm4, %zmm6, %zmm4
	kunpckbw	%k0, %k0, %k1
	vinsertf32x8	$1, %ymm9, %zmm8, %zmm4 {%k1}
	movabsq	$.LCPI0_13, %r10
	vmovaps	(%r10), %zmm6
	vpermps	%zmm4, %zmm6, %zmm4
	vmovups	%zmm4, (%rbp,%r9,8)
	vmovups	64(%rbp,%r9,8), %zmm4
	vpermps	%zmm4, %zmm5, %zmm5
	vpermps	%zmm4, %zmm7, %zmm4
	vmulps	32(%rbx,%r9,4), %ymm3, %ymm7
	vmulps	%ymm4, %ymm4, %ymm8
	vfmadd231ps	%ymm7, %ymm7, %ymm8
	vsqrtps	%ymm8, %ymm8
	vaddps	%ymm19, %ymm8, %ymm9
	vmulps	%ymm20, %ymm9, %ymm9
	vcmpneqps	%ymm25, %ymm7, %k0
	vfmsub231ps	32(%r14,%r9,4), %ymm9, %ymm7
	vandps	%ymm7, %ymm11, %ymm12
	vsubps	%ymm18, %ymm12, %ymm12
	vmaxps	%ymm12, %ymm25, %ymm12
	vpternlogd	$226, %ymm7, %ymm11, %ymm12
	vaddps	%ymm21, %ymm9, %ymm7
	vmaxps	%ymm7, %ymm10, %ymm7
	vdivps	%ymm7, %ymm12, %ymm7
	vinsertf64x4	$1, %ymm4, %zmm5, %zmm4
	kunpckbw	%k0, %k0, %k1
	vinsertf32x8	$1, %ymm8, %zmm7, %zmm4 {%k1}
	vpermps	%zmm4, %zmm6, %zmm4
	vmovups	%zmm4, 64(%rbp,%r9,8)
.LBB0_91:
	addq	$16, %r9
	incq	%r8
	addq	$64, %rdi
	addq	$64, %rsi
	subq	$-128, %rdx
	decq	%rax
	jle	.LBB0_94
.LBB0_88:
	movq	%r8, %r10
	shlq	$7, %r10
	leaq	(%rbp,%r10), %r11
	leaq	4(%rbp,%r10), %r15
	leaq	120(%rbp,%r10), %r12
	cmpq	%r11, %r12
	setb	%r11b
	leaq	124(%rbp,%r10), %r10
	cmpq	%r15, %r10
	setb	%r10b
	orb	%r11b, %r10b
	orb	%cl, %r10b
	testb	$1, %r10b
	je	.LBB0_106
	xorl	%r10d, %r10d
	.p2align	4
.LBB0_90:
	vmovss	-4(%rdx,%r10,8), %xmm4
	vmovss	(%rdx,%r10,8), %xmm5
	vmulss	(%rdi,%r10,4), %xmm2, %xmm6
	vmulss	%xmm5, %xmm5, %xmm7
	vfmadd231ss	%xmm6, %xmm6, %xmm7
	vsqrtss	%xmm7, %xmm7, %xmm7
	vaddss	%xmm7, %xmm15, %xmm8
	vmulss	%xmm16, %xmm8, %xmm8
	vucomiss	%xmm24, %xmm6
	vfmsub231ss	(%rsi,%r10,4), %xmm8, %xmm6
	vandps	%xmm22, %xmm6, %xmm9
	vsubss	%xmm14, %xmm9, %xmm9
	vmaxss	%xmm9, %xmm24, %xmm9
	vpternlogd	$226, %xmm6, %xmm22, %xmm9
	vaddss	%xmm13, %xmm8, %xmm6
	vmaxss	%xmm6, %xmm23, %xmm6
	vdivss	%xmm6, %xmm9, %xmm6
	setp	%r11b
	setne	%r15b
	orb	%r11b, %r15b
	kmovd	%r15d, %k1
	vmovss	%xmm6, %xmm4, %xmm4 {%k1}
	vmovss	%xmm7, %xmm5, %xmm5 {%k1}
	vmovss	%xmm4, -4(%rdx,%r10,8)
	vmovss	%xmm5, (%rdx,%r10,8)
	incq	%r10
	cmpq	$16, %r10
	jne	.LBB0_90
	jmp	.LBB0_91
	.p2align	4
.LBB0_94:
	movq	32(%rsp), %r8
	testq	%r8, %r8
	movq	808(%rsp), %r15
	movq	848(%rsp), %r12
	movq	896(%rsp), %r9
	movq	624(%rsp), %r10
	movq	56(%rsp), %r11
	jle	.LBB0_102
	movl	%r8d, %eax
	andl	$3, %eax
	movq	%r11, %rcx
	subq	152(%rsp), %rcx
	cmpq	$-4, %rcx
	jbe	.LBB0_97
	xorl	%edx, %edx
	jmp	.LBB0_100
.LBB0_97:
	movabsq	$9223372036854775804, %rcx
	andq	%rcx, %r8
	movq	616(%rsp), %rcx
	leaq	(%rcx,%r11,4), %rcx
	xorl	%edx, %edx
	.p2align	4
.LBB0_98:
	movq	(%rbp,%rdx,8), %rsi
	leaq	(%r11,%rdx), %rdi
	sarq	$63, %rdi
	andq	%r10, %rdi
	leaq	(%rcx,%rdi,4), %rdi
	movslq	(%rdi,%rdx,4), %rdi
	movq	%rsi, (%r9,%rdi,8)
	movq	8(%rbp,%rdx,8), %rsi
	leaq	1(%r11,%rdx), %rdi
	sarq	$63, %rdi
	andq	%r10, %rdi
	leaq	(%rcx,%rdi,4), %rdi
	movslq	4(%rdi,%rdx,4), %rdi
	movq	%rsi, (%r9,%rdi,8)
	movq	16(%rbp,%rdx,8), %rsi
	leaq	2(%r11,%rdx), %rdi
	sarq	$63, %rdi
	andq	%r10, %rdi
	leaq	(%rcx,%rdi,4), %rdi
	movslq	8(%rdi,%rdx,4), %rdi
	movq	%rsi, (%r9,%rdi,8)
	movq	24(%rbp,%rdx,8), %rsi
	leaq	3(%r11,%rdx), %rdi
	sarq	$63, %rdi
	andq	%r10, %rdi
	leaq	(%rcx,%rdi,4), %rdi
	movslq	12(%rdi,%rdx,4), %rdi
	addq	$4, %rdx
	movq	%rsi, (%r9,%rdi,8)
	cmpq	%rdx, %r8
	jne	.LBB0_98
	testq	%rax, %rax
	je	.LBB0_102
.LBB0_100:
	addq	%rdx, %r11
	movq	616(%rsp), %rcx
	leaq	(%rcx,%r11,4), %rcx
	leaq	(%rbp,%rdx,8), %rdx
	xorl	%esi, %esi
	.p2align	4
.LBB0_101:
	movq	(%rdx,%rsi,8), %rdi
	leaq	(%r11,%rsi), %r8
	sarq	$63, %r8
	andq	%r10, %r8
	leaq	(%rcx,%r8,4), %r8
	movslq	(%r8,%rsi,4), %r8
	movq	%rdi, (%r9,%r8,8)
	incq	%rsi
	cmpq	%rsi, %rax
	jne	.LBB0_101
	jmp	.LBB0_102
.LBB0_61:
	xorl	%eax, %eax
	movq	280(%rsp), %rsi
	cmpq	%rsi, %rcx
	movq	264(%rsp), %r14
	jl	.LBB0_64
.LBB0_63:
	movq	%rsi, %rax
	jmp	.LBB0_64
.LBB0_65:
	xorl	%edx, %edx
	cmpq	%rsi, %rcx
	jl	.LBB0_67
.LBB0_104:
	movq	%rsi, %rdx
	subq	%rax, %rdx
	movabsq	$memset, %rcx
	jg	.LBB0_68
	jmp	.LBB0_69
.LBB0_51:
	vpxor	%xmm0, %xmm0, %xmm0
	vmovq	%xmm0, 16(%rsp)
	movq	808(%rsp), %r15
.LBB0_103:
	movq	216(%rsp), %rdi
	movabsq	$NRT_decref, %r14
	vzeroupper
	callq	*%r14
	movq	752(%rsp), %rdi
	callq	*%r14
	movq	640(%rsp), %rdi
	callq	*%r14
	movq	232(%rsp), %rdi
	callq	*%r14
	movq	864(%rsp), %rdi
	callq	*%r14
	movq	224(%rsp), %rbx
	movq	%rbx, %rdi
	callq	*%r14
	movq	%r15, %rdi
	callq	*%r14
	movq	%rbx, %rdi
	callq	*%r14
	movq	696(%rsp), %rdi
	callq	*%r14
	movq	144(%rsp), %rdi
	callq	*%r14
	movq	584(%rsp), %rdi
	callq	*%r14
	movq	240(%rsp), %rax
	vmovsd	16(%rsp), %xmm0
	vmovsd	%xmm0, (%rax)
	xorl	%eax, %eax
	jmp	.LBB0_37
.LBB0_36:
	movq	8(%rsp), %rcx
	movq	$0, (%rcx)
.LBB0_37:
	addq	$504, %rsp
	.cfi_def_cfa_offset 56
	popq	%rbx
	.cfi_def_cfa_offset 48
	popq	%r12
	.cfi_def_cfa_offset 40
	popq	%r13
	.cfi_def_cfa_offset 32
	popq	%r14
	.cfi_def_cfa_offset 24
	popq	%r15
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	vzeroupper
	retq
.LBB0_19:
	.cfi_def_cfa_offset 560
	leaq	3(%rcx), %rax
	imulq	%r11, %rax
	leaq	(,%r11,4), %rdx
	leaq	2(%rcx), %rsi
	imulq	%r11, %rsi
	leaq	1(%rcx), %rdi
	imulq	%r11, %rdi
	movq	%rcx, %r8
	imulq	%r11, %r8
	subq	%rbp, %rcx
	movq	%r14, %r9
	jmp	.LBB0_20
	.p2align	4
.LBB0_22:
	addq	%rdx, %r9
	addq	$4, %rcx
	je	.LBB0_23
.LBB0_20:
	movq	(%r9,%r8), %r10
	cmpq	$-1, %r10
	movl	$0, %r11d
	cmovlq	%r15, %r11
	leaq	(%r12,%r10,8), %rbx
	movq	8(%rbx,%r11,8), %r11
	sarq	$63, %r10
	andq	%r15, %r10
	subq	(%rbx,%r10,8), %r11
	cmpq	%r13, %r11
	cmovleq	%r13, %r11
	movq	(%r9,%rdi), %r10
	cmpq	$-1, %r10
	movl	$0, %ebx
	cmovlq	%r15, %rbx
	leaq	(%r12,%r10,8), %r14
	movq	8(%r14,%rbx,8), %rbx
	sarq	$63, %r10
	andq	%r15, %r10
	subq	(%r14,%r10,8), %rbx
	cmpq	%r11, %rbx
	cmovleq	%r11, %rbx
	movq	(%r9,%rsi), %r11
	cmpq	$-1, %r11
	movl	$0, %r10d
	cmovlq	%r15, %r10
	leaq	(%r12,%r11,8), %r14
	movq	8(%r14,%r10,8), %r10
	sarq	$63, %r11
	andq	%r15, %r11
	subq	(%r14,%r11,8), %r10
	cmpq	%rbx, %r10
	cmovleq	%rbx, %r10
	movq	(%r9,%rax), %r11
	cmpq	$-1, %r11
	movl	$0, %ebx
	cmovlq	%r15, %rbx
	leaq	(%r12,%r11,8), %r14
	movq	8(%r14,%rbx,8), %r13
	sarq	$63, %r11
	andq	%r15, %r11
	subq	(%r14,%r11,8), %r13
	cmpq	%r10, %r13
	jg	.LBB0_22
	movq	%r10, %r13
	jmp	.LBB0_22
.LBB0_48:
	movabsq	$.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209.17, %rax
	jmp	.LBB0_46
.LBB0_24:
	movabsq	$.const.picklebuf.331b8563bdb9dac81b38422273052c486fc1706b, %rax
	jmp	.LBB0_46
.LBB0_43:
	movabsq	$.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57, %rax
	jmp	.LBB0_46
.LBB0_45:
	movabsq	$.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209, %rax
.LBB0_46:
	movq	8(%rsp), %rcx
	movq	%rax, (%rcx)
	movl	$1, %eax
	jmp	.LBB0_37
.Lfunc_end0:
	.size	_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29, .Lfunc_end0-_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29
	.cfi_endproc

	.globl	_ZN7cpython10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29
	.p2align	4
	.type	_ZN7cpython10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,@function
_ZN7cpython10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	pushq	%r15
	.cfi_def_cfa_offset 24
	pushq	%r14
	.cfi_def_cfa_offset 32
	pushq	%r13
	.cfi_def_cfa_offset 40
	pushq	%r12
	.cfi_def_cfa_offset 48
	pushq	%rbx
	.cfi_def_cfa_offset 56
	subq	$840, %rsp
	.cfi_def_cfa_offset 896
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	movq	%rsi, %rdi
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	leaq	336(%rsp), %r10
	leaq	344(%rsp), %r11
	leaq	352(%rsp), %rbx
	leaq	360(%rsp), %r14
	leaq	368(%rsp), %r15
	leaq	376(%rsp), %r12
	leaq	384(%rsp), %r13
	movabsq	$.const._train, %rsi
	movabsq	$PyArg_UnpackTuple, %rbp
	leaq	400(%rsp), %r8
	leaq	392(%rsp), %r9
	movl	$9, %edx
	movl	$9, %ecx
	xorl	%eax, %eax
	pushq	%r10
	.cfi_adjust_cfa_offset 8
	pushq	%r11
	.cfi_adjust_cfa_offset 8
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	callq	*%rbp
	addq	$64, %rsp
	.cfi_adjust_cfa_offset -64
	movq	$0, 80(%rsp)
	movq	$0, 128(%rsp)
	testl	%eax, %eax
	je	.LBB1_50
	movabsq	$_ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29, %rax
	cmpq	$0, (%rax)
	je	.LBB1_32
	movq	392(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 592(%rsp)
	vmovups	%ymm0, 616(%rsp)
	movabsq	$NRT_adapt_ndarray_from_python, %rbx
	leaq	592(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_33
	cmpq	$8, 616(%rsp)
	jne	.LBB1_33
	movq	592(%rsp), %rax
	movq	%rax, 120(%rsp)
	movq	600(%rsp), %rbp
	movq	608(%rsp), %r15
	movq	624(%rsp), %r14
	movq	632(%rsp), %r13
	movq	640(%rsp), %rax
	movq	%rax, 56(%rsp)
	movq	384(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 528(%rsp)
	vmovups	%ymm0, 552(%rsp)
	leaq	528(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_35
	cmpq	$4, 552(%rsp)
	jne	.LBB1_35
	movq	%r13, 48(%rsp)
	movq	528(%rsp), %rax
	movq	%rax, (%rsp)
	movq	536(%rsp), %r12
	movq	544(%rsp), %rax
	movq	%rax, 320(%rsp)
	movq	560(%rsp), %rax
	movq	%rax, 312(%rsp)
	movq	568(%rsp), %rax
	movq	%rax, 304(%rsp)
	movq	576(%rsp), %rax
	movq	%rax, 296(%rsp)
	movq	376(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 784(%rsp)
	vmovups	%ymm0, 808(%rsp)
	leaq	784(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_36
	cmpq	$4, 808(%rsp)
	jne	.LBB1_36
	movq	%r14, 288(%rsp)
	movq	784(%rsp), %r14
	movq	816(%rsp), %rax
	movq	%rax, 280(%rsp)
	movq	824(%rsp), %rax
	movq	%rax, 272(%rsp)
	movq	368(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 720(%rsp)
	vmovups	%ymm0, 744(%rsp)
	leaq	720(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_37
	cmpq	$4, 744(%rsp)
	jne	.LBB1_37
	movq	%r15, 264(%rsp)
	movq	720(%rsp), %r15
	movq	752(%rsp), %rax
	movq	%rax, 256(%rsp)
	movq	760(%rsp), %rax
	movq	%rax, 248(%rsp)
	movq	360(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 656(%rsp)
	vmovups	%ymm0, 680(%rsp)
	leaq	656(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_38
	cmpq	$4, 680(%rsp)
	jne	.LBB1_38
	movq	656(%rsp), %rax
	movq	%rax, 112(%rsp)
	movq	688(%rsp), %rax
	movq	%rax, 240(%rsp)
	movq	696(%rsp), %rax
	movq	%rax, 232(%rsp)
	movq	352(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 464(%rsp)
	vmovups	%ymm0, 488(%rsp)
	leaq	464(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_39
	cmpq	$8, 488(%rsp)
	jne	.LBB1_39
	movq	464(%rsp), %rax
	movq	%rax, 72(%rsp)
	movq	472(%rsp), %rax
	movq	%rax, 224(%rsp)
	movq	480(%rsp), %rax
	movq	%rax, 216(%rsp)
	movq	496(%rsp), %rax
	movq	%rax, 208(%rsp)
	movq	504(%rsp), %rax
	movq	%rax, 200(%rsp)
	movq	512(%rsp), %rax
	movq	%rax, 192(%rsp)
	movq	344(%rsp), %rdi
	vxorps	%xmm0, %xmm0, %xmm0
	vmovups	%ymm0, 400(%rsp)
	vmovups	%ymm0, 424(%rsp)
	leaq	400(%rsp), %rsi
	vzeroupper
	callq	*%rbx
	testl	%eax, %eax
	jne	.LBB1_40
	cmpq	$8, 424(%rsp)
	jne	.LBB1_40
	movq	%r15, 96(%rsp)
	movq	%r14, 104(%rsp)
	movq	400(%rsp), %r14
	movq	408(%rsp), %rax
	movq	%rax, 176(%rsp)
	movq	416(%rsp), %rax
	movq	%rax, 168(%rsp)
	movq	432(%rsp), %rax
	movq	%rax, 160(%rsp)
	movq	440(%rsp), %rax
	movq	%rax, 152(%rsp)
	movq	448(%rsp), %rax
	movq	%rax, 144(%rsp)
	movq	336(%rsp), %rdi
	movabsq	$PyNumber_Long, %rax
	callq	*%rax
	movabsq	$Py_DecRef, %r13
	testq	%rax, %rax
	movq	(%rsp), %rbx
	movq	%r14, 64(%rsp)
	je	.LBB1_41
	movq	%rax, %r15
	movabsq	$PyLong_AsLongLong, %rax
	movq	%r15, %rdi
	callq	*%rax
	movq	%rax, 88(%rsp)
	movq	%r15, %rdi
	callq	*%r13
	movabsq	$PyErr_Occurred, %r14
	callq	*%r14
	testq	%rax, %rax
	jne	.LBB1_42
.LBB1_18:
	movq	328(%rsp), %r15
	movabsq	$PyTuple_Size, %rax
	movq	%r15, %rdi
	callq	*%rax
	cmpq	$5, %rax
	setne	%r13b
	jne	.LBB1_51
.LBB1_19:
	movq	%r12, 184(%rsp)
	movq	%rbp, 136(%rsp)
	movabsq	$PyTuple_GetItem, %r12
	movq	%r15, %rdi
	xorl	%esi, %esi
	callq	*%r12
	movabsq	$PyObject_IsTrue, %rcx
	movq	%rax, %rdi
	callq	*%rcx
	movl	%eax, 20(%rsp)
	callq	*%r14
	testq	%rax, %rax
	movq	%r14, %rbx
	jne	.LBB1_52
.LBB1_20:
	movb	%r13b, 8(%rsp)
	movl	$1, %esi
	movq	%r15, %rdi
	callq	*%r12
	movabsq	$PyNumber_Float, %r12
	movq	%rax, %rdi
	callq	*%r12
	movq	%rax, %r13
	movabsq	$PyFloat_AsDouble, %rbp
	movq	%rax, %rdi
	callq	*%rbp
	vmovsd	%xmm0, 40(%rsp)
	movq	%r13, %rdi
	movabsq	$Py_DecRef, %r14
	callq	*%r14
	callq	*%rbx
	testq	%rax, %rax
	jne	.LBB1_53
.LBB1_21:
	movl	$2, %esi
	movq	%r15, %rdi
	movabsq	$PyTuple_GetItem, %rax
	callq	*%rax
	movq	%rax, %rdi
	callq	*%r12
	movq	%rax, %r13
	movq	%rax, %rdi
	callq	*%rbp
	vmovsd	%xmm0, 32(%rsp)
	movq	%r13, %rdi
	callq	*%r14
	callq	*%rbx
	testq	%rax, %rax
	jne	.LBB1_54
.LBB1_22:
	movl	$3, %esi
	movq	%r15, %rdi
	movabsq	$PyTuple_GetItem, %rax
	callq	*%rax
	movq	%rax, %rdi
	callq	*%r12
	movq	%rax, %r13
	movq	%rax, %rdi
	callq	*%rbp
	vmovsd	%xmm0, 24(%rsp)
	movq	%r13, %rdi
	callq	*%r14
	callq	*%rbx
	testq	%rax, %rax
	movzbl	8(%rsp), %r13d
	jne	.LBB1_55
.LBB1_23:
	movl	$4, %esi
	movq	%r15, %rdi
	movabsq	$PyTuple_GetItem, %rax
	callq	*%rax
	movq	%rax, %rdi
	callq	*%r12
	movq	%rax, %r15
	movq	%rax, %rdi
	callq	*%rbp
	vmovsd	%xmm0, 8(%rsp)
	movq	%r15, %rdi
	callq	*%r14
	callq	*%rbx
	testb	%r13b, %r13b
	movq	(%rsp), %rbx
	movq	184(%rsp), %r14
	jne	.LBB1_42
	testq	%rax, %rax
	jne	.LBB1_42
	vmovsd	40(%rsp), %xmm0
	vcvtsd2ss	%xmm0, %xmm0, %xmm0
	vmovss	%xmm0, 40(%rsp)
	vmovsd	32(%rsp), %xmm0
	vcvtsd2ss	%xmm0, %xmm0, %xmm0
	vmovss	%xmm0, 32(%rsp)
	vmovsd	24(%rsp), %xmm0
	vcvtsd2ss	%xmm0, %xmm0, %xmm0
	vmovss	%xmm0, 24(%rsp)
	movq	%rbx, %r12
	xorl	%ebx, %ebx
	cmpl	$0, 20(%rsp)
	setne	%bl
	vmovsd	8(%rsp), %xmm0
	vcvtsd2ss	%xmm0, %xmm0, %xmm0
	vmovss	%xmm0, 20(%rsp)
	movabsq	$PyEval_SaveThread, %rax
	callq	*%rax
	movq	%rax, 8(%rsp)
	movq	$0, 80(%rsp)
	subq	$384, %rsp
	.cfi_adjust_cfa_offset 384
	movl	%ebx, 368(%rsp)
	movq	472(%rsp), %rax
	movq	%rax, 360(%rsp)
	movq	528(%rsp), %rax
	movq	%rax, 352(%rsp)
	movq	536(%rsp), %rax
	movq	%rax, 344(%rsp)
	movq	544(%rsp), %rax
	movq	%rax, 336(%rsp)
	movq	552(%rsp), %rax
	movq	%rax, 320(%rsp)
	movq	560(%rsp), %rax
	movq	%rax, 312(%rsp)
	movq	576(%rsp), %rax
	movq	%rax, 296(%rsp)
	movq	584(%rsp), %rax
	movq	%rax, 288(%rsp)
	movq	592(%rsp), %rax
	movq	%rax, 280(%rsp)
	movq	600(%rsp), %rax
	movq	%rax, 264(%rsp)
	movq	608(%rsp), %rax
	movq	%rax, 256(%rsp)
	movq	616(%rsp), %rax
	movq	%rax, 232(%rsp)
	movq	624(%rsp), %rax
	movq	%rax, 224(%rsp)
	movq	632(%rsp), %rax
	movq	%rax, 176(%rsp)
	movq	640(%rsp), %rax
	movq	%rax, 168(%rsp)
	movq	656(%rsp), %rax
	movq	%rax, 120(%rsp)
	movq	664(%rsp), %rax
	movq	%rax, 112(%rsp)
	movq	680(%rsp), %rax
	movq	%rax, 72(%rsp)
	movq	688(%rsp), %rax
	movq	%rax, 64(%rsp)
	movq	696(%rsp), %rax
	movq	%rax, 56(%rsp)
	movq	704(%rsp), %rax
	movq	%rax, 40(%rsp)
	movq	%r14, 32(%rsp)
	movq	448(%rsp), %rax
	movq	%rax, 304(%rsp)
	movq	456(%rsp), %rax
	movq	%rax, 248(%rsp)
	movq	504(%rsp), %rbp
	movq	496(%rsp), %r15
	movq	%r15, 192(%rsp)
	movq	480(%rsp), %r13
	movq	%r13, 136(%rsp)
	movq	488(%rsp), %r14
	movq	%r14, 80(%rsp)
	movq	%r12, 24(%rsp)
	movq	440(%rsp), %rax
	movq	%rax, 16(%rsp)
	movq	432(%rsp), %rax
	movq	%rax, 8(%rsp)
	movq	672(%rsp), %rax
	movq	%rax, (%rsp)
	movq	$8, 328(%rsp)
	movq	$8, 272(%rsp)
	movq	$4, 48(%rsp)
	movabsq	$_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29, %rax
	leaq	464(%rsp), %rdi
	leaq	512(%rsp), %rsi
	movl	$8, %r9d
	movq	648(%rsp), %r8
	movq	%rbp, %rdx
	movq	520(%rsp), %rcx
	vmovss	424(%rsp), %xmm0
	vmovss	416(%rsp), %xmm1
	vmovss	408(%rsp), %xmm2
	vmovss	404(%rsp), %xmm3
	callq	*%rax
	addq	$384, %rsp
	.cfi_adjust_cfa_offset -384
	movl	%eax, %r12d
	movq	128(%rsp), %rax
	movq	%rax, 48(%rsp)
	vmovsd	80(%rsp), %xmm0
	vmovsd	%xmm0, 56(%rsp)
	movabsq	$PyEval_RestoreThread, %rax
	movq	8(%rsp), %rdi
	callq	*%rax
	movabsq	$NRT_decref, %rbx
	movq	%rbp, %rdi
	callq	*%rbx
	movq	(%rsp), %rdi
	callq	*%rbx
	movq	%r14, %rdi
	callq	*%rbx
	movq	%r13, %rdi
	callq	*%rbx
	movq	%r15, %rdi
	callq	*%rbx
	movq	72(%rsp), %rdi
	callq	*%rbx
	movq	64(%rsp), %rdi
	callq	*%rbx
	testl	%r12d, %r12d
	jne	.LBB1_28
	movabsq	$PyFloat_FromDouble, %rax
	vmovsd	56(%rsp), %xmm0
	callq	*%rax
.LBB1_27:
	addq	$840, %rsp
	.cfi_def_cfa_offset 56
	popq	%rbx
	.cfi_def_cfa_offset 48
	popq	%r12
	.cfi_def_cfa_offset 40
	popq	%r13
	.cfi_def_cfa_offset 32
	popq	%r14
	.cfi_def_cfa_offset 24
	popq	%r15
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	retq
.LBB1_28:
	.cfi_def_cfa_offset 896
	movq	48(%rsp), %r14
	jle	.LBB1_56
	movabsq	$PyErr_Clear, %rax
	callq	*%rax
	movl	8(%r14), %esi
	movq	(%r14), %rdi
	cmpl	$0, 32(%r14)
	jle	.LBB1_59
	movslq	%esi, %rsi
	movabsq	$PyBytes_FromStringAndSize, %rax
	callq	*%rax
	movq	%rax, %rbx
	movq	16(%r14), %rdi
	callq	*24(%r14)
	testq	%rax, %rax
	je	.LBB1_63
	movabsq	$numba_runtime_build_excinfo_struct, %rcx
	movq	%rbx, %rdi
	movq	%rax, %rsi
	callq	*%rcx
	movq	%rax, %rbx
	movabsq	$NRT_Free, %rax
	movq	%r14, %rdi
	callq	*%rax
	jmp	.LBB1_60
.LBB1_32:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.missing Environment: _ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29", %rsi
	jmp	.LBB1_34
.LBB1_33:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
.LBB1_34:
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	jmp	.LBB1_50
.LBB1_35:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	jmp	.LBB1_48
.LBB1_36:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	movq	(%rsp), %rbx
	jmp	.LBB1_47
.LBB1_37:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	movq	(%rsp), %rbx
	jmp	.LBB1_46
.LBB1_38:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	movq	(%rsp), %rbx
	jmp	.LBB1_45
.LBB1_39:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	movq	(%rsp), %rbx
	jmp	.LBB1_44
.LBB1_40:
	movabsq	$PyExc_TypeError, %rdi
	movabsq	$".const.can't unbox array from PyObject into native value.  The object maybe of a different type", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	movq	(%rsp), %rbx
	jmp	.LBB1_43
.LBB1_41:
	movq	$0, 88(%rsp)
	movabsq	$PyErr_Occurred, %r14
	callq	*%r14
	testq	%rax, %rax
	je	.LBB1_18
.LBB1_42:
	movabsq	$NRT_decref, %rax
	movq	64(%rsp), %rdi
	callq	*%rax
	movq	104(%rsp), %r14
	movq	96(%rsp), %r15
.LBB1_43:
	movabsq	$NRT_decref, %rax
	movq	72(%rsp), %rdi
	callq	*%rax
.LBB1_44:
	movabsq	$NRT_decref, %rax
	movq	112(%rsp), %rdi
	callq	*%rax
.LBB1_45:
	movabsq	$NRT_decref, %rax
	movq	%r15, %rdi
	callq	*%rax
.LBB1_46:
	movabsq	$NRT_decref, %rax
	movq	%r14, %rdi
	callq	*%rax
.LBB1_47:
	movabsq	$NRT_decref, %rax
	movq	%rbx, %rdi
	callq	*%rax
.LBB1_48:
	movabsq	$NRT_decref, %rax
	movq	120(%rsp), %rdi
.LBB1_49:
	callq	*%rax
.LBB1_50:
	xorl	%eax, %eax
	jmp	.LBB1_27
.LBB1_51:
	movabsq	$PyExc_ValueError, %rdi
	movabsq	$".const.size mismatch for tuple, expected 5 element(s) but got %zd", %rsi
	movabsq	$PyErr_Format, %rcx
	movq	%rax, %rdx
	xorl	%eax, %eax
	callq	*%rcx
	jmp	.LBB1_19
.LBB1_52:
	movb	$1, %r13b
	jmp	.LBB1_20
.LBB1_53:
	movb	$1, 8(%rsp)
	jmp	.LBB1_21
.LBB1_54:
	movb	$1, 8(%rsp)
	jmp	.LBB1_22
.LBB1_55:
	movb	$1, %r13b
	jmp	.LBB1_23
.LBB1_56:
	cmpl	$-3, %r12d
	je	.LBB1_62
	cmpl	$-1, %r12d
	je	.LBB1_50
	movabsq	$PyExc_SystemError, %rdi
	movabsq	$".const.unknown error when calling native function", %rsi
	jmp	.LBB1_34
.LBB1_59:
	movq	16(%r14), %rdx
	movabsq	$numba_unpickle, %rax
	callq	*%rax
	movq	%rax, %rbx
.LBB1_60:
	testq	%rbx, %rbx
	je	.LBB1_50
	movabsq	$numba_do_raise, %rax
	movq	%rbx, %rdi
	jmp	.LBB1_49
.LBB1_62:
	movabsq	$PyExc_StopIteration, %rdi
	movabsq	$PyErr_SetNone, %rax
	jmp	.LBB1_49
.LBB1_63:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.Error creating Python tuple from runtime exception arguments", %rsi
	jmp	.LBB1_34
.Lfunc_end1:
	.size	_ZN7cpython10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29, .Lfunc_end1-_ZN7cpython10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29
	.cfi_endproc

	.globl	cfunc._ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29
	.p2align	4
	.type	cfunc._ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,@function
cfunc._ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	pushq	%r14
	.cfi_def_cfa_offset 24
	pushq	%rbx
	.cfi_def_cfa_offset 32
	subq	$416, %rsp
	.cfi_def_cfa_offset 448
	.cfi_offset %rbx, -32
	.cfi_offset %r14, -24
	.cfi_offset %rbp, -16
	movq	%rcx, %r10
	movq	%rdx, %rax
	movq	%rsi, %rcx
	movq	%rdi, %rdx
	vmovups	456(%rsp), %ymm4
	vmovups	488(%rsp), %ymm5
	vmovaps	544(%rsp), %xmm6
	movq	448(%rsp), %rsi
	movq	568(%rsp), %rdi
	vmovups	600(%rsp), %xmm7
	vmovaps	656(%rsp), %xmm8
	movq	624(%rsp), %r11
	vmovups	680(%rsp), %ymm9
	vmovups	712(%rsp), %xmm10
	movq	728(%rsp), %rbx
	vmovups	736(%rsp), %ymm11
	vmovups	768(%rsp), %ymm12
	movq	$0, 400(%rsp)
	movq	$0, 392(%rsp)
	movzbl	800(%rsp), %ebp
	andl	$1, %ebp
	movl	%ebp, 368(%rsp)
	vmovups	%ymm12, 336(%rsp)
	vmovups	%ymm11, 304(%rsp)
	movq	%rbx, 296(%rsp)
	vmovups	%xmm10, 280(%rsp)
	vmovups	%ymm9, 248(%rsp)
	vmovups	%xmm8, 224(%rsp)
	movq	%r11, 192(%rsp)
	vmovups	%xmm7, 168(%rsp)
	movq	%rdi, 136(%rsp)
	vmovups	%xmm6, 112(%rsp)
	vmovups	%ymm5, 56(%rsp)
	vmovups	%ymm4, 24(%rsp)
	movq	%rsi, 16(%rsp)
	movq	%r9, 8(%rsp)
	movq	%r8, (%rsp)
	movabsq	$_ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29, %r11
	leaq	400(%rsp), %rdi
	leaq	392(%rsp), %rsi
	movq	%rax, %r8
	movq	%r10, %r9
	vzeroupper
	callq	*%r11
	movq	392(%rsp), %rbx
	vmovsd	400(%rsp), %xmm0
	movl	$0, 388(%rsp)
	testl	%eax, %eax
	jne	.LBB2_1
.LBB2_8:
	addq	$416, %rsp
	.cfi_def_cfa_offset 32
	popq	%rbx
	.cfi_def_cfa_offset 24
	popq	%r14
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	retq
.LBB2_1:
	.cfi_def_cfa_offset 448
	vmovsd	%xmm0, 408(%rsp)
	movabsq	$numba_gil_ensure, %rcx
	leaq	388(%rsp), %rdi
	movl	%eax, %ebp
	callq	*%rcx
	testl	%ebp, %ebp
	jle	.LBB2_9
	movabsq	$PyErr_Clear, %rax
	callq	*%rax
	movl	8(%rbx), %esi
	movq	(%rbx), %rdi
	cmpl	$0, 32(%rbx)
	jle	.LBB2_12
	movslq	%esi, %rsi
	movabsq	$PyBytes_FromStringAndSize, %rax
	callq	*%rax
	movq	%rax, %r14
	movq	16(%rbx), %rdi
	callq	*24(%rbx)
	testq	%rax, %rax
	je	.LBB2_4
	movabsq	$numba_runtime_build_excinfo_struct, %rcx
	movq	%r14, %rdi
	movq	%rax, %rsi
	callq	*%rcx
	movq	%rax, %r14
	movabsq	$NRT_Free, %rax
	movq	%rbx, %rdi
	callq	*%rax
	jmp	.LBB2_13
.LBB2_9:
	movl	%ebp, %eax
	cmpl	$-3, %ebp
	je	.LBB2_5
	cmpl	$-1, %eax
	je	.LBB2_7
	movabsq	$PyExc_SystemError, %rdi
	movabsq	$".const.unknown error when calling native function.2", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	jmp	.LBB2_7
.LBB2_12:
	movq	16(%rbx), %rdx
	movabsq	$numba_unpickle, %rax
	callq	*%rax
	movq	%rax, %r14
.LBB2_13:
	testq	%r14, %r14
	je	.LBB2_7
	movabsq	$numba_do_raise, %rax
	movq	%r14, %rdi
.LBB2_6:
	callq	*%rax
.LBB2_7:
	movabsq	$".const.<numba.core.cpu.CPUContext>", %rdi
	movabsq	$PyUnicode_FromString, %rax
	callq	*%rax
	movq	%rax, %rbx
	movabsq	$PyErr_WriteUnraisable, %rax
	movq	%rbx, %rdi
	callq	*%rax
	movabsq	$Py_DecRef, %rax
	movq	%rbx, %rdi
	callq	*%rax
	movabsq	$numba_gil_release, %rax
	leaq	388(%rsp), %rdi
	callq	*%rax
	vmovsd	408(%rsp), %xmm0
	jmp	.LBB2_8
.LBB2_5:
	movabsq	$PyExc_StopIteration, %rdi
	movabsq	$PyErr_SetNone, %rax
	jmp	.LBB2_6
.LBB2_4:
	movabsq	$PyExc_RuntimeError, %rdi
	movabsq	$".const.Error creating Python tuple from runtime exception arguments.1", %rsi
	movabsq	$PyErr_SetString, %rax
	callq	*%rax
	vxorps	%xmm0, %xmm0, %xmm0
	jmp	.LBB2_8
.Lfunc_end2:
	.size	cfunc._ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29, .Lfunc_end2-cfunc._ZN10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29
	.cfi_endproc

	.weak	NRT_incref
	.p2align	4
	.type	NRT_incref,@function
NRT_incref:
	testq	%rdi, %rdi
	je	.LBB3_2
	lock		incq	(%rdi)
.LBB3_2:
	retq
.Lfunc_end3:
	.size	NRT_incref, .Lfunc_end3-NRT_incref

	.weak	NRT_decref
	.p2align	4
	.type	NRT_decref,@function
NRT_decref:
	.cfi_startproc
	testq	%rdi, %rdi
	je	.LBB4_2
	#MEMBARRIER
	lock		decq	(%rdi)
	je	.LBB4_3
.LBB4_2:
	retq
.LBB4_3:
	#MEMBARRIER
	movabsq	$NRT_MemInfo_call_dtor, %rax
	jmpq	*%rax
.Lfunc_end4:
	.size	NRT_decref, .Lfunc_end4-NRT_decref
	.cfi_endproc

	.weak	_ZN10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29
	.p2align	4
	.type	_ZN10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29,@function
_ZN10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	pushq	%r15
	.cfi_def_cfa_offset 24
	pushq	%r14
	.cfi_def_cfa_offset 32
	pushq	%r13
	.cfi_def_cfa_offset 40
	pushq	%r12
	.cfi_def_cfa_offset 48
	pushq	%rbx
	.cfi_def_cfa_offset 56
	pushq	%rax
	.cfi_def_cfa_offset 64
	.cfi_offset %rbx, -56
	.cfi_offset %r12, -48
	.cfi_offset %r13, -40
	.cfi_offset %r14, -32
	.cfi_offset %r15, -24
	.cfi_offset %rbp, -16
	movq	%rdi, (%rsp)
	movq	208(%rsp), %rbx
	movq	200(%rsp), %r14
	movq	184(%rsp), %rbp
	movq	144(%rsp), %r12
	movq	88(%rsp), %r15
	movabsq	$NRT_incref, %r13
	movq	%r15, %rdi
	callq	*%r13
	movq	%r12, %rdi
	callq	*%r13
	movq	%rbx, %rdi
	callq	*%r13
	leaq	6(%r14), %rax
	movabsq	$NRT_decref, %r13
	cmpq	%rbp, %rax
	jge	.LBB5_1
	movq	176(%rsp), %rcx
	movq	72(%rsp), %r15
	movq	64(%rsp), %rdx
	xorl	%ebx, %ebx
	cmpq	$-6, %r14
	cmovgeq	%rbx, %rbp
	leaq	(%rcx,%rax,8), %rax
	movq	(%rax,%rbp,8), %r14
	movq	%r14, %rax
	sarq	$63, %rax
	andq	%r15, %rax
	movq	%r13, %rcx
	leaq	(%rdx,%r14,8), %r13
	movq	(%r13,%rax,8), %rbp
	movq	%r12, %rdi
	callq	*%rcx
	cmpq	$-1, %r14
	cmovlq	%r15, %rbx
	movq	8(%r13,%rbx,8), %r8
	movq	%r8, %rdi
	subq	%rbp, %rdi
	testq	%rdi, %rdi
	jle	.LBB5_6
	movq	240(%rsp), %rax
	movq	128(%rsp), %rcx
	movq	120(%rsp), %rdx
	movq	%rdi, %r9
	movq	%rbp, %rsi
	andq	$3, %r9
	movq	88(%rsp), %r15
	movabsq	$NRT_decref, %r13
	je	.LBB5_11
	leaq	(,%rcx,4), %rdi
	movq	%rbp, %rsi
	.p2align	4
.LBB5_9:
	movq	%rsi, %r10
	sarq	$63, %r10
	andq	%rdi, %r10
	addq	%rdx, %r10
	movslq	(%r10,%rsi,4), %r10
	prefetchw	(%rax,%r10,8)
	incq	%rsi
	decq	%r9
	jne	.LBB5_9
	movq	%r8, %rdi
	subq	%rsi, %rdi
.LBB5_11:
	subq	%r8, %rbp
	cmpq	$-4, %rbp
	jbe	.LBB5_2
	movq	208(%rsp), %r12
	jmp	.LBB5_4
.LBB5_1:
	movq	%rbx, %rdi
	callq	*%r13
	jmp	.LBB5_4
.LBB5_6:
	movq	208(%rsp), %r12
	movq	88(%rsp), %r15
	movabsq	$NRT_decref, %r13
	jmp	.LBB5_4
.LBB5_2:
	addq	$4, %rdi
	shlq	$2, %rcx
	movq	208(%rsp), %r12
	.p2align	4
.LBB5_3:
	movq	%rsi, %r8
	sarq	$63, %r8
	andq	%rcx, %r8
	addq	%rdx, %r8
	movslq	(%r8,%rsi,4), %r8
	prefetchw	(%rax,%r8,8)
	leaq	1(%rsi), %r8
	sarq	$63, %r8
	andq	%rcx, %r8
	addq	%rdx, %r8
	movslq	4(%r8,%rsi,4), %r8
	prefetchw	(%rax,%r8,8)
	leaq	2(%rsi), %r8
	sarq	$63, %r8
	andq	%rcx, %r8
	addq	%rdx, %r8
	movslq	8(%r8,%rsi,4), %r8
	prefetchw	(%rax,%r8,8)
	leaq	3(%rsi), %r8
	sarq	$63, %r8
	andq	%rcx, %r8
	addq	%rdx, %r8
	movslq	12(%r8,%rsi,4), %r8
	prefetchw	(%rax,%r8,8)
	addq	$-4, %rdi
	addq	$4, %rsi
	cmpq	$4, %rdi
	jg	.LBB5_3
.LBB5_4:
	movq	%r12, %rdi
	callq	*%r13
	movq	%r15, %rdi
	callq	*%r13
	movq	(%rsp), %rax
	movq	$0, (%rax)
	xorl	%eax, %eax
	addq	$8, %rsp
	.cfi_def_cfa_offset 56
	popq	%rbx
	.cfi_def_cfa_offset 48
	popq	%r12
	.cfi_def_cfa_offset 40
	popq	%r13
	.cfi_def_cfa_offset 32
	popq	%r14
	.cfi_def_cfa_offset 24
	popq	%r15
	.cfi_def_cfa_offset 16
	popq	%rbp
	.cfi_def_cfa_offset 8
	retq
.Lfunc_end5:
	.size	_ZN10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29, .Lfunc_end5-_ZN10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29
	.cfi_endproc

	.type	.const._train,@object
	.section	.lrodata,"al",@progbits
.const._train:
	.asciz	"_train"
	.size	.const._train, 7

	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,8,8
	.type	".const.missing Environment: _ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29",@object
	.p2align	4, 0x0
".const.missing Environment: _ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29":
	.asciz	"missing Environment: _ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29"
	.size	".const.missing Environment: _ZN08NumbaEnv10stagecraft16parameter_server7kernels6linear6_trainB2v1B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedE5ArrayIxLi1E1C7mutable7alignedEx70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29", 498

	.type	".const.can't unbox array from PyObject into native value.  The object maybe of a different type",@object
	.p2align	4, 0x0
".const.can't unbox array from PyObject into native value.  The object maybe of a different type":
	.asciz	"can't unbox array from PyObject into native value.  The object maybe of a different type"
	.size	".const.can't unbox array from PyObject into native value.  The object maybe of a different type", 89

	.type	".const.size mismatch for tuple, expected 5 element(s) but got %zd",@object
	.p2align	4, 0x0
".const.size mismatch for tuple, expected 5 element(s) but got %zd":
	.asciz	"size mismatch for tuple, expected 5 element(s) but got %zd"
	.size	".const.size mismatch for tuple, expected 5 element(s) but got %zd", 59

	.type	".const.Error creating Python tuple from runtime exception arguments",@object
	.p2align	4, 0x0
".const.Error creating Python tuple from runtime exception arguments":
	.asciz	"Error creating Python tuple from runtime exception arguments"
	.size	".const.Error creating Python tuple from runtime exception arguments", 61

	.type	".const.unknown error when calling native function",@object
	.p2align	4, 0x0
".const.unknown error when calling native function":
	.asciz	"unknown error when calling native function"
	.size	".const.unknown error when calling native function", 43

	.type	".const.Error creating Python tuple from runtime exception arguments.1",@object
	.p2align	4, 0x0
".const.Error creating Python tuple from runtime exception arguments.1":
	.asciz	"Error creating Python tuple from runtime exception arguments"
	.size	".const.Error creating Python tuple from runtime exception arguments.1", 61

	.type	".const.unknown error when calling native function.2",@object
	.p2align	4, 0x0
".const.unknown error when calling native function.2":
	.asciz	"unknown error when calling native function"
	.size	".const.unknown error when calling native function.2", 43

	.type	".const.<numba.core.cpu.CPUContext>",@object
	.p2align	4, 0x0
".const.<numba.core.cpu.CPUContext>":
	.asciz	"<numba.core.cpu.CPUContext>"
	.size	".const.<numba.core.cpu.CPUContext>", 28

	.type	_ZN08NumbaEnv5numba7cpython8builtins6ol_max12_3clocals_3e4implB2v2B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIxLi2EE,@object
	.comm	_ZN08NumbaEnv5numba7cpython8builtins6ol_max12_3clocals_3e4implB2v2B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIxLi2EE,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_zeros12_3clocals_3e4implB2v3B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx16class_28int64_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_zeros12_3clocals_3e4implB2v3B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx16class_28int64_29,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_empty12_3clocals_3e4implB2v4B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx16class_28int64_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_empty12_3clocals_3e4implB2v4B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx16class_28int64_29,8,8
	.type	.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b,@object
	.p2align	4, 0x0
.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b:
	.ascii	"\200\004\225B\000\000\000\000\000\000\000\214\bbuiltins\224\214\nValueError\224\223\224\214\037negative dimensions not allowed\224\205\224N\207\224."
	.size	.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b, 77

	.type	.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b.sha1,@object
	.p2align	4, 0x0
.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b.sha1:
	.ascii	"3\033\205c\275\271\332\310\0338B\"s\005,Ho\301pk"
	.size	.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b.sha1, 20

	.type	.const.picklebuf.331b8563bdb9dac81b38422273052c486fc1706b,@object
	.p2align	4, 0x0
.const.picklebuf.331b8563bdb9dac81b38422273052c486fc1706b:
	.quad	.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b
	.long	77
	.zero	4
	.quad	.const.pickledata.331b8563bdb9dac81b38422273052c486fc1706b.sha1
	.quad	0
	.long	0
	.zero	4
	.size	.const.picklebuf.331b8563bdb9dac81b38422273052c486fc1706b, 40

	.type	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57,@object
	.p2align	4, 0x0
.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57:
	.ascii	"\200\004\225~\000\000\000\000\000\000\000\214\bbuiltins\224\214\nValueError\224\223\224\214[array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.\224\205\224N\207\224."
	.size	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57, 137

	.type	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1,@object
	.p2align	4, 0x0
.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1:
	.ascii	"X\341N\314\265\007\261\340 i\201t\002#\346\205\313\214<W"
	.size	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1, 20

	.type	.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57,@object
	.p2align	4, 0x0
.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57:
	.quad	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57
	.long	137
	.zero	4
	.quad	.const.pickledata.58e14eccb507b1e0206981740223e685cb8c3c57.sha1
	.quad	0
	.long	0
	.zero	4
	.size	.const.picklebuf.58e14eccb507b1e0206981740223e685cb8c3c57, 40

	.type	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209,@object
	.p2align	4, 0x0
.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209:
	.ascii	"\200\004\225K\000\000\000\000\000\000\000\214\bbuiltins\224\214\013MemoryError\224\223\224\214'Allocation failed (probably too large).\224\205\224N\207\224."
	.size	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209, 86

	.type	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1,@object
	.p2align	4, 0x0
.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1:
	.ascii	"\272(\235\201\360\\p \363G|\025sH\004\337e\253\342\t"
	.size	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1, 20

	.type	.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209,@object
	.p2align	4, 0x0
.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209:
	.quad	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209
	.long	86
	.zero	4
	.quad	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1
	.quad	0
	.long	0
	.zero	4
	.size	.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209, 40

	.type	_ZN08NumbaEnv5numba2np8arrayobj18ol_array_zero_fill12_3clocals_3e4implB2v7B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE5ArrayIxLi1E1C7mutable7alignedE,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj18ol_array_zero_fill12_3clocals_3e4implB2v7B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE5ArrayIxLi1E1C7mutable7alignedE,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj18ol_compatible_view12_3clocals_3e4implB3v23B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE5ArrayIxLi1E1C7mutable7alignedE18class_28float32_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj18ol_compatible_view12_3clocals_3e4implB3v23B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE5ArrayIxLi1E1C7mutable7alignedE18class_28float32_29,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj13_change_dtype12_3clocals_3e3impB3v24B42c8tJTC_2fWQA93W1AaAIYBPIqRBFCjDSZRVAJmaQIAEx5ArrayIxLi1E1C7mutable7alignedE5ArrayIxLi1E1C7mutable7alignedExxa,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj13_change_dtype12_3clocals_3e3impB3v24B42c8tJTC_2fWQA93W1AaAIYBPIqRBFCjDSZRVAJmaQIAEx5ArrayIxLi1E1C7mutable7alignedE5ArrayIxLi1E1C7mutable7alignedExxa,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_zeros12_3clocals_3e4implB2v8B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx18class_28float32_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_zeros12_3clocals_3e4implB2v8B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx18class_28float32_29,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_empty12_3clocals_3e4implB2v9B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx18class_28float32_29,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj11ol_np_empty12_3clocals_3e4implB2v9B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAEx18class_28float32_29,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj15_call_allocatorB2v5B42c8tJTC_2fWQA93W1AaAIYBPIqRBFCjDSZRVAJmaQIAEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj15_call_allocatorB2v5B42c8tJTC_2fWQA93W1AaAIYBPIqRBFCjDSZRVAJmaQIAEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,8,8
	.type	_ZN08NumbaEnv5numba2np8arrayobj18_ol_array_allocate12_3clocals_3e4implB2v6B42c8tJTIeFIjxB2IKSgI4CrvQClcaMQ5hEEUSJJgA_3dEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj18_ol_array_allocate12_3clocals_3e4implB2v6B42c8tJTIeFIjxB2IKSgI4CrvQClcaMQ5hEEUSJJgA_3dEN29typeref_5b_3cclass_20_27numba4core5types8npytypes14Array_27_3e_5dExj,8,8
	.type	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.24,@object
	.p2align	4, 0x0
.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.24:
	.ascii	"\200\004\225K\000\000\000\000\000\000\000\214\bbuiltins\224\214\013MemoryError\224\223\224\214'Allocation failed (probably too large).\224\205\224N\207\224."
	.size	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.24, 86

	.type	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1.25,@object
	.p2align	4, 0x0
.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1.25:
	.ascii	"\272(\235\201\360\\p \363G|\025sH\004\337e\253\342\t"
	.size	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1.25, 20

	.type	.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209.17,@object
	.p2align	4, 0x0
.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209.17:
	.quad	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.24
	.long	86
	.zero	4
	.quad	.const.pickledata.ba289d81f05c7020f3477c15734804df65abe209.sha1.25
	.quad	0
	.long	0
	.zero	4
	.size	.const.picklebuf.ba289d81f05c7020f3477c15734804df65abe209.17, 40

	.type	_ZN08NumbaEnv5numba2np8arrayobj18ol_array_zero_fill12_3clocals_3e4implB3v10B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE5ArrayIfLi1E1C7mutable7alignedE,@object
	.comm	_ZN08NumbaEnv5numba2np8arrayobj18ol_array_zero_fill12_3clocals_3e4implB3v10B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE5ArrayIfLi1E1C7mutable7alignedE,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch12prefetch_rowB3v11B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch12prefetch_rowB3v11B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIfLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch13prefetch_spanB3v12B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIiLi1E1C8readonly7alignedExx,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch13prefetch_spanB3v12B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIiLi1E1C8readonly7alignedExx,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch13prefetch_spanB3v13B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIfLi1E1C8readonly7alignedExx,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch13prefetch_spanB3v13B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIfLi1E1C8readonly7alignedExx,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch15prefetch_statesB3v14B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C8readonly7alignedE5ArrayIiLi1E1C8readonly7alignedE5ArrayIxLi1E1C8readonly7alignedEx5ArrayIxLi1E1C7mutable7alignedE23Literal_5bint_5d_281_29,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch13prefetch_spanB3v15B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C7mutable7alignedExx,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels8prefetch13prefetch_spanB3v15B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dE5ArrayIxLi1E1C7mutable7alignedExx,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels10coordinate9weight_ofB3v16B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dEff70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels10coordinate9weight_ofB3v16B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dEff70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels6losses14loss_and_slopeB3v19B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dExff,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels6losses14loss_and_slopeB3v19B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dExff,8,8
	.type	_ZN08NumbaEnv5numba7cpython8builtins6ol_max12_3clocals_3e4implB3v20B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIdLi2EE,@object
	.comm	_ZN08NumbaEnv5numba7cpython8builtins6ol_max12_3clocals_3e4implB3v20B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIdLi2EE,8,8
	.type	_ZN08NumbaEnv5numba7cpython8builtins6ol_min12_3clocals_3e4implB3v21B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIdLi2EE,@object
	.comm	_ZN08NumbaEnv5numba7cpython8builtins6ol_min12_3clocals_3e4implB3v21B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIdLi2EE,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels10coordinate7updatedB3v22B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dEffff70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels10coordinate7updatedB3v22B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dEffff70Settings_28bool_2c_20float32_2c_20float32_2c_20float32_2c_20float32_29,8,8
	.type	_ZN08NumbaEnv10stagecraft16parameter_server7kernels10coordinate6shrinkB3v17B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dEff,@object
	.comm	_ZN08NumbaEnv10stagecraft16parameter_server7kernels10coordinate6shrinkB3v17B106c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBXQQzFimdgUU0AQ_3d_3dEff,8,8
	.type	_ZN08NumbaEnv5numba7cpython8builtins6ol_max12_3clocals_3e4implB3v18B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIfLi2EE,@object
	.comm	_ZN08NumbaEnv5numba7cpython8builtins6ol_max12_3clocals_3e4implB3v18B102c8tJTIeFIjxB2IKSgI4CrvQCk0Z4yRYcWsCAgXrKFt1X1erJ_2bXklRYnJJeo6Cup5xVUgqgiYnorzk9VrNYHBjZEgoLYAAxTM0gQAE15StarArgUniTupleIfLi2EE,8,8
	.section	".note.GNU-stack","",@progbits
