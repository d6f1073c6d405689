{
    "meta": {
        "bip44Coin": "8000",
        "coin": "skycoin",
        "cryptoType": "",
        "encrypted": "false",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "",
        "seed": "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "bip44",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "28RHxxgAsbCuTv5U9VgWrDGDUpoho2gbh66",
            "public_key": "039e0c6f81b21033f3b432df52f7415c679fac19b24cde06a6e104f0e7120121d1",
            "secret_key": "5abecb354e8b11092497f4a05ab4ec6ad97da828f25165fb43cdd3bdac809329",
            "child_number": 0,
            "change": 0
        },
        {
            "address": "2bjtkT6qDBxhBSLsVK5TmRHfZBy35z7sMVq",
            "public_key": "0218cfe1bc329912a15643d80fc91dbd05b38e39c136956f53d439abe80a3c9d9a",
            "secret_key": "1b91c8e85b8ec40c13f4aae0561e248ddb04cc200bfa79ed5a1b49895a1b7332",
            "child_number": 1,
            "change": 0
        },
        {
            "address": "ESpFpppHvDqjVqomrywxK6zYc5jgKKLBhP",
            "public_key": "0255909da62d98696b7a94c8210a100f4cca0eb2c15d0033a0b05003cd4ed507fe",
            "secret_key": "ce67b145e05bd9f1a4ebcb66e18a18189cf52cb0219f552be53b05d6323179c1",
            "child_number": 2,
            "change": 0
        },
        {
            "address": "xSUeuSe92o5mkgfMBv3psftExrDyH2UMZL",
            "public_key": "03c210cff41d118d16cbcf4f17e06b84d9bb5e91d1ef99a6b192bb7d662c61986d",
            "secret_key": "1700a08527af5f7fa72f1dcd0e33d3f5bc714caea33a27a2bf90f58cf8509484",
            "child_number": 3,
            "change": 0
        },
        {
            "address": "2hH41qeKhcYAq5aG1pPXJqJQjhA8oWYJSZU",
            "public_key": "025ed631f43ffb866fa1acdc26625f8d4c3fab98d90077bba9c26ef99f28bc0e74",
            "secret_key": "b2cb4864fee89ed33e503b23eef5fb07eec2471504d1a61279c05c32235f02c0",
            "child_number": 4,
            "change": 0
        },
        {
            "address": "2JKwB9BHXif8raVPcDYyJVdww3YFuPQmYH4",
            "public_key": "03eb9587aa837c108b7615c46040f67701a51627bfdd31a77417923e8f264f050e",
            "secret_key": "3e2abb7d53c7ab985bf634ae6ead2b09d9b94f66b0fcfadc6c195572a7753d90",
            "child_number": 5,
            "change": 0
        },
        {
            "address": "yxVDqfCBuw1Y7NhqyibtYmYafyif2fXywr",
            "public_key": "03b958a0289ff7467b67dd97ccbd983eeafefe6f912ca5c9c7118a7a1f5fcc5d85",
            "secret_key": "cf07e1a3e7aad082050e42885346f5d00a6b1ce3ea43e00b411d3e89b93126bf",
            "child_number": 6,
            "change": 0
        },
        {
            "address": "6BN5MVTasz827XoE9KLKKRfSmVyytQeKgF",
            "public_key": "023f98eec43d5a2a617c4d0302f03fda2643de9140955be60817899d1bec1fc5d3",
            "secret_key": "dfe2db6a787f4c493612121058061baa1442b4220ff9fc00a9e73dcad1a4c018",
            "child_number": 7,
            "change": 0
        },
        {
            "address": "2iFcZhpGsgRxUdsWebWcuxCzeJGXFdq6vwt",
            "public_key": "035df8bb2b50ea76a554391609b85187a951ea06888f356d4525b417178b532095",
            "secret_key": "e1a74243ac5afdc41678a2bc2ad618a5d1735c0e095ba31db8ad685f3e61a3e6",
            "child_number": 8,
            "change": 0
        },
        {
            "address": "2NKCshdtZNotfZepi3ajxTQSVBxTK4W2g56",
            "public_key": "02cbc9b46d12ebea165fc670a5457b159f4bc3f7aacc2a8410241bde5f4dcdbfdf",
            "secret_key": "92ec9e23179a31235b4de941f97b25f57763eec620a682c883d662421df48ee3",
            "child_number": 9,
            "change": 0
        },
        {
            "address": "g43PzCRP6tfxJCX2TncXFQZSQUQhdyKLJj",
            "public_key": "0306e1a66ede3a9bc62eee133ae0048a055d5d18c035dfcde475d6602cbaf1efc2",
            "secret_key": "e61bdd60256f0f2d551d09d10ba3c2ff352a4bc88e5196c5d587435c1226534f",
            "child_number": 10,
            "change": 0
        },
        {
            "address": "2KTGsSv7hEuSQ6an8HYzCJ3GKcpgoLLcdcx",
            "public_key": "02751c364d7f6f4b189dff5070ed9b532dfa6c35442edff98784651d3be36d64e2",
            "secret_key": "72fe9892a60d20e84cf1a8e626c93334061a592c9e4fe073a91a3183b6411325",
            "child_number": 11,
            "change": 0
        },
        {
            "address": "fsSxNuc1B1L1Ash7GDUfcX8SiFyXge85mc",
            "public_key": "02041fe828b506771a963b27428dea2da33c8abc9ea1bf8a842142ee4ea90523d3",
            "secret_key": "fe0f3207c1536ccc8fde935fa86d76e4db4ba26a89e6cf7f813c6e8a934bf6ce",
            "child_number": 12,
            "change": 0
        },
        {
            "address": "2e4XXETo924gcTpfaADQySyvUZNKm4DpVkx",
            "public_key": "03ae1178d440f2441b04532bd73264c60aa449bf49a94b823947b07cc1da11b211",
            "secret_key": "933163d787219bfa515876ef5b5d885f33e81cad89e54341738e8042aec55d9d",
            "child_number": 13,
            "change": 0
        },
        {
            "address": "smv8Rd9GhLdPuQuXfqHaYy6iMnHMx63RGZ",
            "public_key": "0290811004be6ee08abae1ab3cc30e158d84dd609a5daf31133ba25999742eaef1",
            "secret_key": "f4e82ef23f2302ddb9df2d55e189a1e46a24eead52c4e9400223559d69391c66",
            "child_number": 14,
            "change": 0
        },
        {
            "address": "2JRAxkmyfwUZsWSDVUzBUBdZTiCQowuHNWU",
            "public_key": "02e8e048ea23f16daa2d54e33ed620304df444a5a8a3981243e3d72344b2837c47",
            "secret_key": "2d676fdb20f82066b28aa5cd16567af699ff524f68dd257b5347fff9e85fea83",
            "child_number": 15,
            "change": 0
        },
        {
            "address": "24Ef1bCvoZc37iRo5QG7K2QsKEtyTtrPgG8",
            "public_key": "0227f912f3e6a39ddf071fc28628807718138893289a7053fd3313e85ca3e2234c",
            "secret_key": "7e3fe623be7cc53db46bcadbb867f77cff858048b76a561d7da229eda24fc2af",
            "child_number": 16,
            "change": 0
        },
        {
            "address": "25oAm63EFMCKh71JbDaCyc6g2YRgwFWNEkG",
            "public_key": "03934f61e660d7aefc703a1498e34814f3b33c07d6701c367ade3ffbcc257725e5",
            "secret_key": "9694937610b7f40be9fecd0cfea62f0e3cf54e43ed89886efd6099c17ee22ff6",
            "child_number": 17,
            "change": 0
        },
        {
            "address": "2SZsJkniBDULkAHY5yKMTkFsuL93yDFZY8Z",
            "public_key": "02e536558261d9b9f4ed51d67a74d977e9e35e51852eae869737861db222d01778",
            "secret_key": "07cb0090ad822b4cb040d0978ac57a22ade5b11452a22a6ce288831ac0b88063",
            "child_number": 18,
            "change": 0
        },
        {
            "address": "2c5vRsrVRHizmyaVvHQagQcRxdwVJzX8caU",
            "public_key": "03da57fab0cf6379278f7a2d710b3166fd8bbda66245e0be0d9c4cff40b3e2ebe7",
            "secret_key": "15aee38f3b9af421c0b8de9c3c5944dc9c5159b8cdc56bacd77a10e2a39665dc",
            "child_number": 19,
            "change": 0
        }
    ]
}